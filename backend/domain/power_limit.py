"""The power limit of one meter (功率限值): told first, then tripped, restored by rule, then a person.

A state machine over samples (power at an instant, primary side) and time. Money has no part in it: no
amount is among its facts, so no top-up can lift what it placed and no debt can place it. One sample proves
nothing, and neither does silence: "over for N s" takes samples over the limit that span N s, without one
at or under it and without a long gap. Source: docs/decisions/0011-power-limit.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from backend.domain.windows import Windows, in_window
from common.units import Watt


class PowerState(StrEnum):
    """Where one meter stands."""

    UNDER = "under"  # Not known to be over its limit.
    COUNTING = "counting"  # Over, for how long is being measured.
    TOLD = "told"  # Proved over; staff and tenant know, and have a grace.
    UNKNOWN = "unknown"  # It was over, and then it fell silent: nothing is proved any more.
    TRIPPED = "tripped"  # Off; comes back by rule.
    HELD = "held"  # Off for a person to decide: the restores by rule are used up.


class Act(StrEnum):
    """What the caller has to do, in this order."""

    CALM = "calm"  # At or under the limit again, or restored: the alarm ends.
    TELL = "tell"  # Alarm for the staff, message to the shop's people.
    TRIP = "trip"  # Place the reason to be off.
    ASK_PERSON = "ask_person"  # The trip stays until a person lifts it.
    RESTORE = "restore"  # Lift the reason by rule.


class PowerRules(Struct, frozen=True, kw_only=True):
    """tell: over for so long is told; trip: over for so long is tripped, the difference is the grace.
    restore: off for so long; retries: restores by rule; gap: samples further apart prove nothing;
    quiet: so long without a trip or being told, and the restores count from none again."""

    tell: timedelta = timedelta(seconds=30)
    trip: timedelta = timedelta(seconds=120)
    restore: timedelta = timedelta(minutes=10)
    retries: int = 3
    gap: timedelta = timedelta(seconds=90)
    quiet: timedelta = timedelta(days=1)

    @property
    def grace(self) -> timedelta:
        return max(timedelta(), self.trip - self.tell)


class Sample(Struct, frozen=True):
    """What one accepted reading says about power, on the primary side."""

    at: datetime
    power_w: Watt


class Streak(Struct, frozen=True):
    """Samples over a limit without a break: the first and the newest of them."""

    since_at: datetime
    at: datetime

    def lasts(self, wanted: timedelta) -> bool:
        """Tell whether it proves so long; one sample alone never does."""
        return self.at > self.since_at and self.at - self.since_at >= wanted


class PowerWatch(Struct, frozen=True, kw_only=True):
    """What is known of one meter. told_at belongs to the streak; retries to the days since a quiet one."""

    state: PowerState = PowerState.UNDER
    streak: Streak | None = None
    told_at: datetime | None = None
    tripped_at: datetime | None = None
    restored_at: datetime | None = None  # By rule or by a person: older samples count no more.
    retries: int = 0
    trouble_at: datetime | None = None  # Told, tripped or restored last.


class PowerStep(Struct, frozen=True):
    """check_at: the next instant at which time alone may change something; None: only a sample can."""

    watch: PowerWatch
    acts: tuple[Act, ...] = ()
    check_at: datetime | None = None


_OFF = frozenset({PowerState.TRIPPED, PowerState.HELD})
_OVER = frozenset({PowerState.COUNTING, PowerState.TOLD})


def extend(streak: Streak | None, sample: Sample, limit_w: Watt, gap: timedelta) -> Streak | None:
    """Add one sample: at or under the limit ends it, a long gap begins it anew, an old one is no news."""
    if streak is not None and sample.at <= streak.at:
        return streak
    if sample.power_w <= limit_w:
        return None
    if streak is None or sample.at - streak.at > gap:
        return Streak(sample.at, sample.at)
    return Streak(streak.since_at, sample.at)


def follow(
    watch: PowerWatch, samples: Sequence[Sample], limit_w: Watt | None, rules: PowerRules, now: datetime
) -> PowerStep:
    """Follow one meter through new samples, oldest first, and through the time until `now`.

    Without samples it looks at the time alone. limit_w None: no limit (any more); what was tripped is
    restored by rule or by a person all the same.
    """
    acts: list[Act] = []
    is_quiet = watch.trouble_at is not None and now - watch.trouble_at >= rules.quiet
    if watch.retries and is_quiet and watch.state not in _OFF:
        watch = replace(watch, retries=0)
    if limit_w is not None:
        for sample in samples:
            watch = _take(watch, sample, limit_w, rules, acts)
    elif watch.state not in _OFF and watch.state is not PowerState.UNDER:
        watch = _calm(watch, acts)
    watch = _look(watch, rules, now, acts)
    return PowerStep(watch, tuple(act for act in Act if act in acts), _check_at(watch, rules))


def lifted(watch: PowerWatch, now: datetime) -> PowerWatch:
    """A person lifted the trip: it begins from nothing, with all restores by rule."""
    return PowerWatch(restored_at=now, trouble_at=now)


def handed_over(watch: PowerWatch) -> PowerWatch:
    """Another meter goes on for the same shop (换表): what is off stays off by the same rule, and the
    restores that were used up stay so. What was being measured was the old meter's: it begins anew.
    """
    if watch.state in _OFF:
        return watch
    return replace(watch, state=PowerState.UNDER, streak=None, told_at=None)


class NightWatch(Struct, frozen=True):
    """Use of a closed shop (夜间功率): it is told, and never tripped."""

    streak: Streak | None = None
    is_told: bool = False


def follow_night(
    watch: NightWatch,
    samples: Sequence[Sample],
    limit_w: Watt | None,
    hours: Windows,
    rules: PowerRules,
) -> tuple[NightWatch, Act | None]:
    """Follow one meter through the night; returns TELL when an alarm begins, CALM when it ends.

    A sample by day ends it. Meters are read less often then: a gap of several polls is the caller's `rules`.
    """
    was_told = watch.is_told
    for sample in samples if limit_w is not None else ():
        is_over = limit_w is not None and sample.power_w > limit_w and in_window(hours, sample.at)
        streak = extend(watch.streak, sample, limit_w or Watt(0), rules.gap) if is_over else None
        is_told = streak is not None and (watch.is_told or streak.lasts(rules.tell))
        watch = NightWatch(streak, is_told)
    if limit_w is None:
        watch = NightWatch()
    if watch.is_told == was_told:
        return watch, None
    return watch, Act.TELL if watch.is_told else Act.CALM


def _take(watch: PowerWatch, sample: Sample, limit_w: Watt, rules: PowerRules, acts: list[Act]) -> PowerWatch:
    is_old = watch.restored_at is not None and sample.at <= watch.restored_at
    if watch.state in _OFF or is_old:
        return watch
    streak = extend(watch.streak, sample, limit_w, rules.gap)
    if streak is None:
        return watch if watch.state is PowerState.UNDER else _calm(watch, acts)
    is_new = watch.streak is None or streak.since_at != watch.streak.since_at
    if is_new:
        return replace(watch, state=PowerState.COUNTING, streak=streak, told_at=None)
    return replace(watch, streak=streak)


def _calm(watch: PowerWatch, acts: list[Act]) -> PowerWatch:
    acts[:] = [Act.CALM]
    return replace(watch, state=PowerState.UNDER, streak=None, told_at=None)


def _look(watch: PowerWatch, rules: PowerRules, now: datetime, acts: list[Act]) -> PowerWatch:
    if watch.state is PowerState.TRIPPED:
        return _restore(watch, rules, now, acts)
    streak = watch.streak
    if watch.state not in _OVER or streak is None:
        return watch
    if now - streak.at > rules.gap:
        return replace(watch, state=PowerState.UNKNOWN, streak=None, told_at=None)
    if watch.told_at is None:
        if streak.lasts(rules.tell):
            acts.append(Act.TELL)
            watch = replace(watch, state=PowerState.TOLD, told_at=now, trouble_at=now)
        return watch  # Told now: the grace begins, whatever the samples span.
    if streak.lasts(rules.trip) and now >= watch.told_at + rules.grace:
        return _trip(watch, rules, now, acts)
    return watch


def _trip(watch: PowerWatch, rules: PowerRules, now: datetime, acts: list[Act]) -> PowerWatch:
    acts.append(Act.TRIP)
    is_last = watch.retries >= rules.retries
    if is_last:
        acts.append(Act.ASK_PERSON)
    state = PowerState.HELD if is_last else PowerState.TRIPPED
    return replace(watch, state=state, streak=None, tripped_at=now, trouble_at=now)


def _restore(watch: PowerWatch, rules: PowerRules, now: datetime, acts: list[Act]) -> PowerWatch:
    if watch.tripped_at is None or now < watch.tripped_at + rules.restore:
        return watch
    acts += [Act.RESTORE, Act.CALM]
    return PowerWatch(retries=watch.retries + 1, tripped_at=watch.tripped_at, restored_at=now, trouble_at=now)


def _check_at(watch: PowerWatch, rules: PowerRules) -> datetime | None:
    if watch.state is PowerState.TRIPPED and watch.tripped_at is not None:
        return watch.tripped_at + rules.restore
    if watch.state not in _OVER or watch.streak is None:
        return None
    silent_at = watch.streak.at + rules.gap + timedelta(milliseconds=1)
    if watch.told_at is None or not watch.streak.lasts(rules.trip):
        return silent_at
    return min(silent_at, watch.told_at + rules.grace)

"""Rows of the power limit (超限记录) and what of an account and its site makes its rules."""

from collections.abc import Sequence
from datetime import timedelta

from backend.domain import power_limit as domain
from backend.domain.power_limit import NightWatch, PowerRules, PowerState, Streak
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.power import PowerWatch
from backend.services.site_policy import SitePolicy
from common.units import Watt

_GAP_POLLS = 2.5  # Nobody watches a closed shop: its samples come with the polls, and one may be missed.


def rules_of(account: Account, policy: SitePolicy) -> PowerRules:
    """The site's rules, and where the shop differs."""

    def seconds(own: int | None, site_s: float) -> timedelta:
        return timedelta(seconds=site_s if own is None else own)

    return PowerRules(
        tell=seconds(account.power_tell_s, policy.power_tell_s),
        trip=seconds(account.power_trip_s, policy.power_trip_s),
        restore=seconds(account.power_restore_s, policy.power_restore_s),
        retries=policy.power_retries if account.power_retries is None else account.power_retries,
        gap=timedelta(seconds=policy.power_gap_s),
    )


def night_rules_of(rules: PowerRules, policy: SitePolicy) -> PowerRules:
    """As by day, with the gap that unwatched meters need."""
    gap_s = max(policy.power_gap_s, _GAP_POLLS * policy.poll_interval_s)
    return PowerRules(tell=rules.tell, trip=rules.trip, gap=timedelta(seconds=gap_s))


def limit_of(account: Account) -> Watt | None:
    return None if account.power_limit_w is None else Watt(account.power_limit_w)


def night_limit_of(account: Account) -> Watt | None:
    return None if account.night_limit_w is None else Watt(account.night_limit_w)


async def lock_watches(meter_ids: Sequence[int]) -> dict[int, PowerWatch]:
    """Lock the rows of meters, ids ascending; their accounts are locked. Without a row: never over."""
    found = await PowerWatch.filter(meter_id__in=list(meter_ids)).order_by("meter_id").select_for_update()
    return {row.meter_id: row for row in found}


def new_watch(meter: Meter) -> PowerWatch:
    return PowerWatch(meter_id=meter.id, site_id=meter.site_id, account_id=meter.account_id)


def watch_of(row: PowerWatch) -> domain.PowerWatch:
    return domain.PowerWatch(
        state=PowerState(row.state),
        streak=Streak(row.over_since_at, row.over_at) if row.over_since_at and row.over_at else None,
        told_at=row.told_at,
        tripped_at=row.tripped_at,
        restored_at=row.restored_at,
        retries=row.retries,
        trouble_at=row.trouble_at,
    )


def night_of(row: PowerWatch) -> NightWatch:
    streak = Streak(row.night_since_at, row.night_at) if row.night_since_at and row.night_at else None
    return NightWatch(streak, row.night_told)


def note_watch(row: PowerWatch, watch: domain.PowerWatch) -> None:
    streak = watch.streak
    row.state = watch.state.value
    row.over_since_at, row.over_at = (streak.since_at, streak.at) if streak else (None, None)
    row.told_at, row.tripped_at, row.restored_at = watch.told_at, watch.tripped_at, watch.restored_at
    row.retries, row.trouble_at = watch.retries, watch.trouble_at


def note_night(row: PowerWatch, night: NightWatch) -> None:
    streak = night.streak
    row.night_since_at, row.night_at = (streak.since_at, streak.at) if streak else (None, None)
    row.night_told = night.is_told

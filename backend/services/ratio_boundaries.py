"""Where a ratio ends and the next begins (变比分界), as a batch of readings comes by.

Called inside a unit of work, with the meter states locked: a batch's, a decision's, a meter change's.
"""

from collections.abc import Iterable
from datetime import datetime

from backend.context import Context
from backend.domain.readings import Accepted
from backend.models.meters import Meter, RatioChange
from backend.services.approvals import withdraw
from backend.services.site_plan import renew_plan
from backend.store_rows import marks, whole_rows
from common.wire import Reading


class RatioBoundaries:
    """The changes that wait for a reading, by meter."""

    def __init__(self, waiting: dict[int, RatioChange]) -> None:
        self._waiting = waiting
        self._applied: list[tuple[Meter, RatioChange]] = []

    @classmethod
    async def of(cls, meters: dict[str, Meter]) -> "RatioBoundaries":
        """Read what waits; a meter whose ratio ever changed is read again, as it is under the locks."""
        ids = [meter.id for meter in meters.values()]
        found = await whole_rows(RatioChange, f"meter_id IN ({marks(ids)})", ids)
        if not found:
            return cls({})
        for meter in await Meter.filter(id__in=sorted({change.meter_id for change in found})):
            meters[str(meter.id)] = meter
        standing = sorted(one.id for one in found if one.standing_key)
        if not standing:
            return cls({})
        # Somebody may take it back in this moment: it is taken as it is under its lock.
        due = RatioChange.filter(id__in=standing, standing_key__isnull=False).order_by("id")
        return cls(
            {one.meter_id: one for one in await due.select_for_update() if one.approved_at and one.from_at}
        )

    def boundary(self, meter_id: int, last: Accepted | None, until: datetime) -> Accepted | None:
        """Return what was written down as the transformers were replaced, if that lies in an interval."""
        change = self._waiting.get(meter_id)
        if change is None or change.from_at is None or change.register_wh is None or last is None:
            return None
        if not last.read_at < change.from_at <= until:
            return None
        return Accepted(change.from_at, change.register_wh)

    def register_at(self, last: Accepted | None, reading: Reading) -> Reading | None:
        """As `boundary`, before a reading: with the midnights that lie before it."""
        found = self.boundary(int(reading.meter_id), last, reading.read_at)
        if found is None:
            return None
        return Reading(
            meter_id=reading.meter_id,
            read_at=found.read_at,
            kind=reading.kind,
            register_wh=found.register_wh,
            frozen=tuple(day for day in reading.frozen if day.at < found.read_at),
        )

    def is_due(self, meter: Meter) -> bool:
        """Tell whether a change still waits for a register of this meter."""
        return meter.id in self._waiting

    def begin(self, meter: Meter, last: Accepted | None) -> None:
        """A person has accepted a register at or after the boundary: what comes now is by the new ratio."""
        if last is not None:
            self.accepted(meter, last.read_at)

    def accepted(self, meter: Meter, read_at: datetime) -> None:
        """A register was accepted: what waited for one takes effect, in the meter as it is held here."""
        change = self._waiting.get(meter.id)
        if change is None or change.from_at is None or read_at < change.from_at:
            return
        del self._waiting[meter.id]
        change.ratio_before, change.applied_at, change.standing_key = meter.transformers.ratio, read_at, None
        meter.ct_ratio, meter.pt_ratio = change.ct_ratio, change.pt_ratio
        meter.energy_side, meter.rated_power_w = change.energy_side, change.rated_power_w
        self._applied.append((meter, change))

    async def write(self, ctx: Context) -> None:
        for meter, change in self._applied:
            await change.save(update_fields=["ratio_before", "applied_at", "standing_key"])
            await meter.save(update_fields=["ct_ratio", "pt_ratio", "energy_side", "rated_power_w"])
        for site_id in sorted({meter.site_id for meter, _ in self._applied}):
            await renew_plan(ctx, site_id)


async def drop_waiting(meter_id: int) -> None:
    """A meter goes: no change waits for a reading of it any more, nor for a second person."""
    standing = RatioChange.filter(meter_id=meter_id, standing_key__isnull=False)
    for change in await standing.order_by("id").select_for_update():
        change.standing_key = None
        await change.save(update_fields=["standing_key"])
        await withdraw(change.approval_id)


async def past_ratios(meter: Meter) -> list[tuple[datetime, int]]:
    """Return the ratios of the past, each with the time up to which it held, oldest first."""
    found = await RatioChange.filter(meter_id=meter.id, applied_at__isnull=False).order_by("applied_at")
    return [(row.applied_at, row.ratio_before) for row in found if row.applied_at and row.ratio_before]


def ratio_at(past: Iterable[tuple[datetime, int]], now: int, at: datetime) -> int:
    """Return the ratio of a reading; the one at which a change took effect was still taken by the new one."""
    return next((ratio for until, ratio in past if at < until), now)

"""One day of one shop, for a dispute (争议核对): registers, periods, price parts, formula, corrections."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct

from backend.context import Context
from backend.domain.ledger import balance_account
from backend.models.accounts import Account
from backend.models.meters import MeterChange, RegisterDecision
from backend.services.own_account import own_account
from backend.services.readings_store import at_ms, ms_of
from backend.services.shop_charges import ChargePart, charges_of_day
from backend.services.shop_entries import FLOW_SQL, FlowEntry, PostingView, entries_of, legs_of
from backend.services.show_usage import day_number
from backend.services.staff_names import names_of
from backend.store import rows
from backend.store_rows import marks
from common.clock import local_midnight

_READINGS_SQL = """
SELECT r.meter_id, m.serial, r.read_at_ms, r.kind, r.register_wh, r.sharp_wh, r.peak_wh, r.flat_wh,
       r.valley_wh, r.verdict
FROM reading r JOIN meter m ON m.id = r.meter_id
WHERE r.meter_id IN ({marks}) AND r.read_at_ms >= ? AND r.read_at_ms <= ? ORDER BY m.serial, r.read_at_ms"""

_DOUBTFUL = frozenset({"future", "fallen", "jumped", "unused", "rejected"})


class DayReading(Struct, frozen=True, kw_only=True):
    """One register of the day, as the meter shows it. `kind` says where it comes from."""

    meter_id: str
    serial: str
    read_at: datetime
    kind: str
    register_wh: int
    period_registers_wh: list[int] | None
    verdict: str


class Correction(Struct, frozen=True, kw_only=True):
    """What people did that touched the day's registers (人工处理)."""

    at: datetime
    words: str
    reason: str
    person: str
    energy_wh: int | None


class ShopDay(Struct, frozen=True, kw_only=True):
    """`energy_wh`, `cost_nano`: of all buckets of the charge day; `entries`: what was booked for them."""

    on: date
    energy_wh: int
    cost_nano: int
    charges: list[ChargePart]
    entries: list[FlowEntry]
    legs: list[PostingView]  # Of those entries together: whole fen by component, by largest remainder.
    ends: list[DayReading]  # The registers with which each bucket begins and ends, where they are still kept.
    doubtful: list[DayReading]  # Stored and shown, not charged.
    readings: int  # How many were taken in that day.
    corrections: list[Correction]


async def show_day(ctx: Context, account_id: int, on: date) -> ShopDay:
    """Return all that a day's charge rests on. Errors: NotFound."""
    account = await own_account(ctx, account_id)
    charges = await charges_of_day(account, day_number(on))
    booked = sorted({int(part.entry_id) for part in charges if part.entry_id is not None})
    entries = await _entries(account, booked)
    meter_ids = sorted({int(part.meter_id) for part in charges})
    from_at, to_at = local_midnight(on), local_midnight(date.fromordinal(on.toordinal() + 1))
    starts = min([part.from_at for part in charges], default=from_at)
    readings = await _readings(meter_ids, min(starts, from_at), to_at)
    ends = {(part.meter_id, at) for part in charges for at in (part.from_at, part.to_at)}
    return ShopDay(
        on=on,
        energy_wh=sum(part.energy_wh for part in charges),
        cost_nano=sum(part.total_nano for part in charges),
        charges=charges,
        entries=entries,
        legs=await legs_of([int(entry.entry_id) for entry in entries]),
        ends=[one for one in readings if (one.meter_id, one.read_at) in ends],
        doubtful=[one for one in readings if one.verdict in _DOUBTFUL and one.read_at > from_at],
        readings=sum(from_at < one.read_at <= to_at for one in readings),
        corrections=await _corrections(ctx, account, meter_ids, from_at, to_at),
    )


async def _entries(account: Account, entry_ids: list[int]) -> list[FlowEntry]:
    """Return the charges of the day and whatever reversed them."""
    if not entry_ids:
        return []
    causes = [
        f"reversal:{row['cause']}"
        for row in await rows(f"SELECT cause FROM entry WHERE id IN ({marks(entry_ids)})", entry_ids)
    ]
    found = await rows(
        f"{FLOW_SQL} AND (t.id IN ({marks(entry_ids)}) OR t.cause IN ({marks(causes)})) ORDER BY t.sequence",
        [balance_account(account.id), account.id, *entry_ids, *causes],
    )
    return await entries_of(found)


async def _readings(meter_ids: list[int], from_at: datetime, to_at: datetime) -> list[DayReading]:
    if not meter_ids:
        return []
    found = await rows(
        _READINGS_SQL.format(marks=marks(meter_ids)), [*meter_ids, ms_of(from_at), ms_of(to_at)]
    )
    return [_reading(row) for row in found]


def _reading(row: dict[str, Any]) -> DayReading:
    rates = [row[name] for name in ("sharp_wh", "peak_wh", "flat_wh", "valley_wh")]
    return DayReading(
        meter_id=str(row["meter_id"]),
        serial=row["serial"],
        read_at=at_ms(int(row["read_at_ms"])),
        kind=row["kind"],
        register_wh=int(row["register_wh"]),
        period_registers_wh=None if None in rates else [int(rate) for rate in rates],
        verdict=row["verdict"],
    )


async def _corrections(
    ctx: Context, account: Account, meter_ids: list[int], from_at: datetime, to_at: datetime
) -> list[Correction]:
    names = await names_of(ctx)
    decisions = RegisterDecision.filter(account_id=account.id, read_at__gt=from_at, read_at__lte=to_at)
    words = {"accepted": "待核示数已采用", "rejected": "待核示数已判为错误", "changed": "按换表处理"}
    found = [
        Correction(
            at=row.decided_at,
            words=words[row.kind.value],
            reason=row.reason,
            person=names.get(row.decided_by, ""),
            energy_wh=row.energy_wh,
        )
        for row in await decisions.order_by("id")
    ]
    changes = MeterChange.filter(account_id=account.id, done_at__isnull=False)
    found += [
        Correction(
            at=row.changed_at,
            words="换表",
            reason=row.reason,
            person=names.get(row.done_by or 0, ""),
            energy_wh=row.energy_wh,
        )
        for row in await changes.filter(changed_at__gt=from_at, changed_at__lte=to_at).order_by("id")
    ]
    return sorted(found, key=lambda one: one.at)

"""A shop's meters with their newest values, each with its age (电表实时数据)."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.services.staff_names import names_of
from backend.store import rows, some_utc, utc
from backend.store_rows import marks

_SQL = """
SELECT m.id, m.serial, m.unit, m.place, m.ct_ratio, m.pt_ratio, m.energy_side, m.rated_power_w, m.permit,
       l.code AS line, g.name AS gateway, sf.code AS shaft, sf.name AS shaft_name,
       su.desired, su.generation, su.verified_generation, su.stage, su.stage_at, su.desired_at, su.holds,
       pw.state AS power_state
FROM meter m JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id
JOIN shaft sf ON sf.id = g.shaft_id
LEFT JOIN supply su ON su.meter_id = m.id LEFT JOIN power_watch pw ON pw.meter_id = m.id
WHERE m.account_id = ? AND m.retired_at IS NULL ORDER BY m.serial"""
_OFF_SQL = """
SELECT meter_id, reason, note, placed_by, placed_at FROM off_reason
WHERE standing_key IS NOT NULL AND meter_id IN ({marks}) ORDER BY placed_at"""


class StandingReason(Struct, frozen=True, kw_only=True):
    """Why a meter is off other than money (断电原因)."""

    reason: str  # "safety", "staff", "power_limit".
    note: str
    placed_by: str  # A name; empty: the platform itself.
    placed_at: datetime


class ShopMeter(Struct, frozen=True, kw_only=True):
    """One meter. Primary-side values but for the registers, which are as the meter shows them."""

    meter_id: str
    serial: str
    unit: int
    line: str
    gateway: str
    shaft: str
    shaft_name: str
    place: str
    ct_ratio: int
    pt_ratio: int
    rated_power_w: int
    register_wh: int | None
    period_registers_wh: list[int] | None  # Sharp, peak, flat, valley.
    read_at: datetime | None  # Of the newest accepted register.
    shown_at: datetime | None  # Of the newest values of any kind.
    power_w: int | None
    voltage_mv: list[int] | None
    current_ma: list[int] | None
    relay: str
    relay_at: datetime | None
    desired: str | None
    generation: int
    verified: bool
    stage: str | None
    stage_at: datetime | None
    desired_at: datetime | None
    holds: list[str]
    off_reasons: list[StandingReason]
    power_state: str | None
    silent_since_at: datetime | None
    quarantined_at: datetime | None
    accrued_wh: int
    accrued_fen: int  # Since the last charge, rounded for showing.


class _Electrical(Struct):
    voltage_mv: list[int] | None = None
    current_ma: list[int] | None = None


async def meters_of(ctx: Context, account: Account, states: Sequence[MeterState]) -> list[ShopMeter]:
    """Return the meters that hang in a shop now, by number."""
    found = await rows(_SQL, [account.id])
    by_meter = {state.meter_id: state for state in states}
    reasons = await _reasons(ctx, [int(row["id"]) for row in found])
    views = []
    for row in found:
        state = by_meter.get(row["id"])
        if state is None:
            continue
        values = msgspec.json.decode(state.electrical or "{}", type=_Electrical)
        periods = state.period_registers
        views.append(
            ShopMeter(
                meter_id=str(row["id"]),
                serial=row["serial"],
                unit=row["unit"],
                line=row["line"],
                gateway=row["gateway"],
                shaft=row["shaft"],
                shaft_name=row["shaft_name"],
                place=row["place"],
                ct_ratio=row["ct_ratio"],
                pt_ratio=row["pt_ratio"],
                rated_power_w=row["rated_power_w"],
                register_wh=state.register_wh,
                period_registers_wh=msgspec.json.decode(periods, type=list[int]) if periods else None,
                read_at=state.read_at,
                shown_at=state.shown_at,
                power_w=state.power_w,
                voltage_mv=values.voltage_mv,
                current_ma=values.current_ma,
                relay=state.relay.value,
                relay_at=state.relay_at,
                desired=row["desired"],
                generation=row["generation"] or 0,
                verified=row["generation"] is not None and row["generation"] == row["verified_generation"],
                stage=row["stage"],
                stage_at=utc(row["stage_at"]),
                desired_at=utc(row["desired_at"]),
                holds=msgspec.json.decode(row["holds"] or "[]", type=list[str]),
                off_reasons=reasons.get(row["id"], []),
                power_state=row["power_state"],
                silent_since_at=state.silent_since_at,
                quarantined_at=state.quarantined_at,
                accrued_wh=state.accrued_wh,
                accrued_fen=(state.accrued_nano + 5_000_000) // 10_000_000,
            )
        )
    return views


async def _reasons(ctx: Context, meter_ids: Sequence[int]) -> dict[int, list[StandingReason]]:
    if not meter_ids:
        return {}
    names = await names_of(ctx)
    found: dict[int, list[StandingReason]] = {}
    for row in await rows(_OFF_SQL.format(marks=marks(meter_ids)), meter_ids):
        found.setdefault(row["meter_id"], []).append(
            StandingReason(
                reason=row["reason"],
                note=row["note"],
                placed_by=names.get(row["placed_by"] or 0, ""),
                placed_at=some_utc(row["placed_at"]),
            )
        )
    return found

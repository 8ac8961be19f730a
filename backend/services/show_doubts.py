"""Registers that wait for a person, with the evidence (待核示数清单)."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.domain.readings import most_energy_wh
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.site import Shop
from backend.services.accrue import accepted_of
from backend.services.doubtful import facts_of, waiting_rows

_MOST_METERS = 200
_MOST_ROWS = 50


class DoubtfulReading(Struct, frozen=True, kw_only=True):
    """What came since the last accepted register. rise_wh: since then, primary side; may be negative.

    most_wh: what the meter could have carried at its rated power in that time.
    """

    read_at: datetime
    kind: str
    register_wh: int
    rise_wh: int
    most_wh: int
    verdict: str


class Doubt(Struct, frozen=True, kw_only=True):
    """One meter in doubt. The registers are as the meter shows them."""

    meter_id: str
    serial: str
    account_id: str | None
    shop_code: str | None
    shop_name: str | None
    since_at: datetime
    last_at: datetime
    last_register_wh: int
    readings: list[DoubtfulReading]


async def list_doubts(ctx: Context) -> list[Doubt]:
    """Return the meters of the caller's site whose register waits, longest first; 50 readings of each."""
    states = (
        await MeterState.filter(site_id=ctx.caller.site_id, quarantined_at__isnull=False)
        .order_by("quarantined_at")
        .limit(_MOST_METERS)
    )
    meters = {row.id: row for row in await Meter.filter(id__in=[one.meter_id for one in states])}
    accounts = await Account.filter(id__in=[one.account_id for one in meters.values() if one.account_id])
    shops = {row.id: row for row in await Shop.filter(id__in=[one.shop_id for one in accounts])}
    shop_of = {one.id: shops[one.shop_id] for one in accounts}
    found = []
    for state in states:
        doubt = await _doubt(state, meters[state.meter_id], shop_of.get(state.account_id or 0))
        if doubt is not None:
            found.append(doubt)
    return found


async def _doubt(state: MeterState, meter: Meter, shop: Shop | None) -> Doubt | None:
    last, facts = accepted_of(state), facts_of(meter)
    if last is None or state.quarantined_at is None:
        return None
    return Doubt(
        meter_id=str(meter.id),
        serial=meter.serial,
        account_id=None if meter.account_id is None else str(meter.account_id),
        shop_code=None if shop is None else shop.code,
        shop_name=None if shop is None else shop.name,
        since_at=state.quarantined_at,
        last_at=last.read_at,
        last_register_wh=last.register_wh,
        readings=[
            DoubtfulReading(
                read_at=row.read_at,
                kind=row.kind,
                register_wh=row.end.register_wh,
                rise_wh=(row.end.register_wh - last.register_wh) * facts.ratio,
                most_wh=most_energy_wh(facts, row.read_at - last.read_at),
                verdict=row.verdict.value,
            )
            for row in await waiting_rows(meter.id, last, _MOST_ROWS)
        ],
    )

"""Every shop with what it may draw and how it stands (功率限值一览)."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.domain.power_limit import PowerState
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterKind, MeterState
from backend.models.power import PowerWatch
from backend.models.site import Shop
from backend.services.power_limits import Limits
from backend.services.power_watches import rules_of
from backend.services.site_policy import policy_of

# How far it has come, the farthest first: a shop is shown as its worst meter stands.
_WORST = (
    PowerState.HELD,
    PowerState.TRIPPED,
    PowerState.TOLD,
    PowerState.COUNTING,
    PowerState.UNKNOWN,
    PowerState.UNDER,
)


class PowerLimitMeter(Struct, frozen=True, kw_only=True):
    """power_w: of the newest reading, at `read_at`; None: not read yet. rated_power_w: of the meter."""

    meter_id: str
    serial: str
    power_w: int | None
    read_at: datetime | None
    rated_power_w: int


class PowerLimitLine(Struct, frozen=True, kw_only=True):
    """own: what the shop has itself, None in it: as the site. The four times are those that count.

    The limit is that of each meter of the shop. state: of its worst meter.
    """

    account_id: str
    shop_code: str
    shop_name: str
    floor: str
    own: Limits
    tell_s: float
    trip_s: float
    restore_s: float
    retries: int
    state: PowerState
    state_since_at: datetime | None
    retries_used: int
    night_told: bool
    meters: list[PowerLimitMeter]


async def list_power_limits(ctx: Context) -> list[PowerLimitLine]:
    """Return the site's open accounts by shop number."""
    site_id = ctx.caller.site_id or 0
    policy = await policy_of(site_id)
    accounts = await Account.filter(site_id=site_id, closed_at=None)
    shops = {shop.id: shop for shop in await Shop.filter(site_id=site_id, practice=False)}
    meters: dict[int, list[Meter]] = {}
    for meter in await Meter.filter(site_id=site_id, kind=MeterKind.PREPAID, retired_at=None).order_by("id"):
        meters.setdefault(meter.account_id or 0, []).append(meter)
    states = {row.meter_id: row for row in await MeterState.filter(site_id=site_id)}
    watches = {row.meter_id: row for row in await PowerWatch.filter(site_id=site_id)}
    lines = []
    for account in accounts:
        shop = shops.get(account.shop_id)
        if shop is None:
            continue
        mine = meters.get(account.id, [])
        found = [watches[meter.id] for meter in mine if meter.id in watches]
        worst = min(found, key=lambda row: _WORST.index(PowerState(row.state)), default=None)
        rules = rules_of(account, policy)
        lines.append(
            PowerLimitLine(
                account_id=str(account.id),
                shop_code=shop.code,
                shop_name=shop.name,
                floor=shop.floor,
                own=Limits(
                    power_limit_w=account.power_limit_w,
                    night_limit_w=account.night_limit_w,
                    tell_s=account.power_tell_s,
                    trip_s=account.power_trip_s,
                    restore_s=account.power_restore_s,
                    retries=account.power_retries,
                ),
                tell_s=rules.tell.total_seconds(),
                trip_s=rules.trip.total_seconds(),
                restore_s=rules.restore.total_seconds(),
                retries=rules.retries,
                state=PowerState.UNDER if worst is None else PowerState(worst.state),
                state_since_at=None if worst is None else worst.state_since_at,
                retries_used=0 if worst is None else worst.retries,
                night_told=any(row.night_told for row in found),
                meters=[_meter(meter, states.get(meter.id)) for meter in mine],
            )
        )
    return sorted(lines, key=lambda line: line.shop_code)


def _meter(meter: Meter, state: MeterState | None) -> PowerLimitMeter:
    return PowerLimitMeter(
        meter_id=str(meter.id),
        serial=meter.serial,
        power_w=None if state is None else state.power_w,
        read_at=None if state is None else state.shown_at,
        rated_power_w=meter.rated_power_w,
    )

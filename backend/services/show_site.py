"""The site as it is wired (站点档案): shafts, gateways, lines and meters, without any secret."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.models.meters import Meter
from backend.models.operations import Collector
from backend.models.site import Gateway, Line, Shaft
from backend.services.collector_link import owns_line
from backend.services.meter_models import known_families
from backend.store import rows, utc

_SHOPS_SQL = """
SELECT a.id, sh.code FROM account a JOIN shop sh ON sh.id = a.shop_id WHERE a.site_id = ?"""
_READ_SQL = "SELECT meter_id, shown_at FROM meter_state WHERE site_id = ?"


class WiredMeter(Struct, frozen=True, kw_only=True):
    meter_id: str
    serial: str
    unit: int
    address: str
    kind: str
    profile: str
    profile_known: bool | None  # None: no collector has said which models it can read.
    ct_ratio: int
    pt_ratio: int
    energy_side: str
    rated_power_w: int
    status_block_at: int | None
    permit: bool
    own_password: bool  # Another one than meters leave the factory with; itself never shown.
    place: str
    shop_code: str | None
    shown_at: datetime | None  # When it last said anything.


class WiredLine(Struct, frozen=True, kw_only=True):
    line_id: str
    code: str
    protocol: str
    port: int
    device: str
    baud: int
    parity: str
    gateway_timeout_s: float
    collectors: list[str]  # Exactly one reads a line; none: nobody reads it.
    meters: list[WiredMeter]


class WiredGateway(Struct, frozen=True, kw_only=True):
    gateway_id: str
    code: str
    name: str
    host: str
    lines: list[WiredLine]


class WiredShaft(Struct, frozen=True, kw_only=True):
    shaft_id: str
    code: str
    name: str
    gateways: list[WiredGateway]


async def show_site(ctx: Context) -> list[WiredShaft]:
    """Return what hangs where in the caller's site, by code."""
    site_id = ctx.caller.site_id
    collectors = await Collector.filter(site_id=site_id).order_by("name")
    meters = await _meters(site_id)
    lines: dict[int, list[WiredLine]] = {}
    for line in await Line.filter(site_id=site_id, removed_at=None).order_by("code"):
        mine = [one.name for one in collectors if owns_line(one, line.code)]
        lines.setdefault(int(line.gateway_id), []).append(_line(line, mine, meters.get(line.id, [])))  # type: ignore[attr-defined]
    gateways: dict[int, list[WiredGateway]] = {}
    for gateway in await Gateway.filter(site_id=site_id, removed_at=None).order_by("code"):
        view = WiredGateway(
            gateway_id=str(gateway.id),
            code=gateway.code,
            name=gateway.name,
            host=gateway.host,
            lines=lines.get(gateway.id, []),
        )
        gateways.setdefault(int(gateway.shaft_id), []).append(view)  # type: ignore[attr-defined]
    return [
        WiredShaft(
            shaft_id=str(shaft.id), code=shaft.code, name=shaft.name, gateways=gateways.get(shaft.id, [])
        )
        for shaft in await Shaft.filter(site_id=site_id, removed_at=None).order_by("code")
    ]


def _line(line: Line, collectors: list[str], meters: list[WiredMeter]) -> WiredLine:
    return WiredLine(
        line_id=str(line.id),
        code=line.code,
        protocol=line.protocol,
        port=line.port,
        device=line.device,
        baud=line.baud,
        parity=line.parity,
        gateway_timeout_s=line.gateway_timeout_ms / 1000,
        collectors=collectors,
        meters=meters,
    )


async def _meters(site_id: int) -> dict[int, list[WiredMeter]]:
    shops = {row["id"]: row["code"] for row in await rows(_SHOPS_SQL, [site_id])}
    shown = {row["meter_id"]: utc(row["shown_at"]) for row in await rows(_READ_SQL, [site_id])}
    known = await known_families(site_id)
    found: dict[int, list[WiredMeter]] = {}
    for meter in await Meter.filter(site_id=site_id, retired_at=None).order_by("unit"):
        view = WiredMeter(
            meter_id=str(meter.id),
            serial=meter.serial,
            unit=meter.unit,
            address=meter.address,
            kind=meter.kind.value,
            profile=meter.profile,
            profile_known=None if known is None else meter.profile in known,
            ct_ratio=meter.ct_ratio,
            pt_ratio=meter.pt_ratio,
            energy_side=meter.energy_side.value,
            rated_power_w=meter.rated_power_w,
            status_block_at=meter.status_block_at,
            permit=meter.permit,
            own_password=bool(meter.control_sealed),
            place=meter.place,
            shop_code=shops.get(meter.account_id),
            shown_at=shown.get(meter.id),
        )
        found.setdefault(meter.line_id, []).append(view)
    return found

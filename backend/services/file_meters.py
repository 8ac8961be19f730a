"""The file of meters (电表档案): what hangs where, what it showed last, and how old that is."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from backend.context import Context
from backend.domain.transformers import EnergySide, Transformers
from backend.errors import NotFound
from backend.models.meters import Meter
from backend.services.audit import record
from backend.services.file_pages import PAGE_SIZE, matches, natural, page_of, sorted_by
from backend.services.meter_models import known_families
from backend.store import rows, unit_of_work, utc

MeterState = Literal["answering", "silent", "never", "doubt", "unbound", "retired"]
MeterKindName = Literal["prepaid", "public"]

_METERS_SQL = """
SELECT m.id, m.serial, m.kind, m.unit, m.address, m.profile, m.ct_ratio, m.pt_ratio, m.energy_side,
       m.rated_power_w, m.place, m.permit, m.remark, m.retired_at, m.account_id,
       l.id AS line_id, l.code AS line, g.id AS gateway_id, g.code AS gateway, g.name AS gateway_name,
       sf.code AS shaft, sf.name AS shaft_name, sh.code AS shop_code, sh.name AS shop_name, sh.practice,
       st.register_wh, st.read_at, st.shown_at, st.power_w, st.relay, st.quarantined_at, st.silent_since_at
FROM meter m JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id
JOIN shaft sf ON sf.id = g.shaft_id LEFT JOIN meter_state st ON st.meter_id = m.id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop sh ON sh.id = a.shop_id
WHERE m.site_id = ? ORDER BY sf.code, l.code, m.unit"""


class MeterFile(Struct, frozen=True, kw_only=True):
    """One meter. ratio: what its register is multiplied by. register_wh: as the meter shows it."""

    meter_id: str
    serial: str
    kind: str
    shaft: str
    shaft_name: str
    gateway_id: str
    gateway: str
    gateway_name: str
    line_id: str
    line: str
    unit: int | None  # None: a retired meter has no address any more.
    address: str
    profile: str
    profile_known: bool | None  # None: no collector has said which models it can read.
    ratio: int
    rated_power_w: int
    permit: bool
    place: str
    remark: str
    account_id: str | None
    shop_code: str | None
    shop_name: str | None
    practice: bool
    register_wh: int | None
    read_at: datetime | None
    shown_at: datetime | None
    power_w: int | None
    relay: str
    state: MeterState
    silent_since_at: datetime | None
    quarantined_at: datetime | None
    retired_at: datetime | None


class LineChoice(Struct, frozen=True, kw_only=True):
    line_id: str
    code: str
    shaft: str
    shaft_name: str


class MeterPage(Struct, frozen=True, kw_only=True):
    rows: list[MeterFile]
    total: int
    lines: list[LineChoice]
    profiles: list[str]
    counts: dict[str, int]  # Meters by state, whatever was searched for.


class MeterQuery(Struct, frozen=True, kw_only=True):
    """Retired meters are found only when they are asked for, by state."""

    q: str = ""
    kind: MeterKindName | None = None
    shaft: str | None = None
    line_id: int | None = None
    profile: str | None = None
    state: MeterState | None = None
    sort: str = "line"
    page: int = 1
    size: int = PAGE_SIZE


_KEYS = {
    "serial": lambda row: natural(row.serial),
    "line": lambda row: (natural(row.shaft), natural(row.line), row.unit or 0),
    "kind": lambda row: (row.kind, natural(row.serial)),
    "profile": lambda row: (row.profile, natural(row.serial)),
    "ratio": lambda row: (row.ratio, natural(row.serial)),
    "shop_code": lambda row: natural(row.shop_code) if row.shop_code else None,
    "register_wh": lambda row: row.register_wh,
    "read_at": lambda row: row.read_at,
    "power_w": lambda row: row.power_w,
    "state": lambda row: (row.state, natural(row.serial)),
}


async def list_meters(ctx: Context, query: MeterQuery) -> MeterPage:
    """Return one page of the caller's site's meters. Errors: Invalid (sort)."""
    everything = await meter_files(ctx.caller.site_id)
    found = sorted_by(_matching(everything, query), query.sort, _KEYS)
    standing = [row for row in everything if row.retired_at is None]
    lines = {
        row.line_id: LineChoice(
            line_id=row.line_id, code=row.line, shaft=row.shaft, shaft_name=row.shaft_name
        )
        for row in standing
    }
    counts: dict[str, int] = {}
    for row in everything:
        counts[row.state] = counts.get(row.state, 0) + 1
    return MeterPage(
        rows=page_of(found, query.page, query.size),
        total=len(found),
        lines=list(lines.values()),
        profiles=sorted({row.profile for row in standing}),
        counts=counts,
    )


async def all_meters(ctx: Context, query: MeterQuery) -> list[MeterFile]:
    """Return what a query finds, all pages of it. Errors: Invalid (sort)."""
    return sorted_by(_matching(await meter_files(ctx.caller.site_id), query), query.sort, _KEYS)


async def remark_meter(ctx: Context, meter_id: int, remark: str) -> None:
    """Write what people should know of a meter (备注), retired or not. Errors: NotFound."""

    async def work() -> None:
        meter = await Meter.filter(id=meter_id, site_id=ctx.caller.site_id).select_for_update().first()
        if meter is None:
            raise NotFound()
        facts = {"before": meter.remark, "after": remark.strip()}
        meter.remark = remark.strip()
        await meter.save(update_fields=["remark"])
        await record(ctx, "staff.remark", f"meter:{meter.id}", facts=facts)

    await unit_of_work(work, "remark_meter")


async def meter_files(site_id: int, meter_id: int | None = None) -> list[MeterFile]:
    """Return a site's meters, retired ones too, as they hang; or one of them."""
    known = await known_families(site_id)
    sql, values = _METERS_SQL, [site_id]
    if meter_id is not None:
        sql, values = sql.replace("m.site_id = ?", "m.site_id = ? AND m.id = ?"), [site_id, meter_id]
    return [_file(row, None if known is None else row["profile"] in known) for row in await rows(sql, values)]


def _file(row: dict[str, Any], profile_known: bool | None) -> MeterFile:
    is_retired = row["retired_at"] is not None
    side = EnergySide(row["energy_side"])
    return MeterFile(
        meter_id=str(row["id"]),
        serial=row["serial"],
        kind=row["kind"],
        shaft=row["shaft"],
        shaft_name=row["shaft_name"],
        gateway_id=str(row["gateway_id"]),
        gateway=row["gateway"],
        gateway_name=row["gateway_name"],
        line_id=str(row["line_id"]),
        line=row["line"],
        unit=None if is_retired else row["unit"],
        address=row["address"],
        profile=row["profile"],
        profile_known=profile_known,
        ratio=Transformers(row["ct_ratio"], row["pt_ratio"], side).ratio,
        rated_power_w=row["rated_power_w"],
        permit=bool(row["permit"]),
        place=row["place"],
        remark=row["remark"],
        account_id=str(row["account_id"]) if row["account_id"] else None,
        shop_code=row["shop_code"],
        shop_name=row["shop_name"],
        practice=bool(row["practice"]),
        register_wh=row["register_wh"],
        read_at=utc(row["read_at"]),
        shown_at=utc(row["shown_at"]),
        power_w=row["power_w"],
        relay=row["relay"] or "UNKNOWN",
        state=_state(row),
        silent_since_at=utc(row["silent_since_at"]),
        quarantined_at=utc(row["quarantined_at"]),
        retired_at=utc(row["retired_at"]),
    )


def _state(row: dict[str, Any]) -> MeterState:
    if row["retired_at"] is not None:
        return "retired"
    if row["shown_at"] is None:
        return "never"
    if row["silent_since_at"] is not None:
        return "silent"
    return "doubt" if row["quarantined_at"] is not None else "answering"


def _matching(found: list[MeterFile], query: MeterQuery) -> list[MeterFile]:
    def fits(row: MeterFile) -> bool:
        if query.state == "unbound":
            return row.retired_at is None and row.kind == "prepaid" and row.account_id is None
        return row.state == query.state if query.state else row.retired_at is None

    return [
        row
        for row in found
        if fits(row)
        and query.kind in (None, row.kind)
        and query.shaft in (None, row.shaft)
        and query.profile in (None, row.profile)
        and (query.line_id is None or row.line_id == str(query.line_id))
        and matches(query.q, row.serial, row.address, row.place, row.shop_code, row.shop_name, row.remark)
    ]

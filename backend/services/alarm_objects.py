"""What an alarm is about and where that is (告警对象、位置): names and ids, to read and to go to."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from msgspec import Struct

from backend.domain.fault_tree import FaultKind
from backend.models.operations import Alarm
from backend.services.row_ids import id_of
from backend.store import rows
from backend.store_rows import marks

_METERS_SQL = """
SELECT m.id, m.serial, m.unit, m.place, m.account_id, sh.code AS shop_code, sh.name AS shop_name,
       l.id AS line_id, l.code AS line, g.id AS gateway_id, g.name AS gateway_name, sf.name AS shaft_name
FROM meter m JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id
JOIN shaft sf ON sf.id = g.shaft_id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop sh ON sh.id = a.shop_id WHERE m.id IN ({})"""
_LINES_SQL = """
SELECT l.id, l.code, g.id AS gateway_id, g.name AS gateway_name, sf.name AS shaft_name
FROM line l JOIN gateway g ON g.id = l.gateway_id JOIN shaft sf ON sf.id = g.shaft_id WHERE l.id IN ({})"""
_GATEWAYS_SQL = """
SELECT g.id, g.name, sf.name AS shaft_name FROM gateway g JOIN shaft sf ON sf.id = g.shaft_id
WHERE g.id IN ({})"""
_COLLECTORS_SQL = "SELECT id, name FROM collector WHERE id IN ({})"
_SHOPS_SQL = """
SELECT a.id, sh.code, sh.name, sh.floor FROM account a JOIN shop sh ON sh.id = a.shop_id WHERE a.id IN ({})"""

ObjectKind = Literal["meter", "shop", "line", "gateway", "collector", "platform"]
_LINE_KINDS = (FaultKind.LINE_DOWN.value, FaultKind.LINE_SILENT.value)
_COLLECTOR_KINDS = (FaultKind.COLLECTOR_AWAY.value, "collector_clock")


class AlarmObject(Struct, frozen=True, kw_only=True):
    """title: what people call it. Ids are there as far as they lead somewhere."""

    kind: ObjectKind
    title: str
    place: str = ""
    meter_id: str | None = None
    account_id: str | None = None
    line_id: str | None = None
    gateway_id: str | None = None


_PLATFORM = AlarmObject(kind="platform", title="平台")


async def objects_of(alarms: Sequence[Alarm]) -> dict[int, AlarmObject]:
    """Return what each alarm is about, by the alarm's id; a fixed number of queries."""
    meters = await _by_id(_METERS_SQL, (one.meter_id for one in alarms))
    shops = await _by_id(_SHOPS_SQL, (one.account_id for one in alarms))
    lines = await _by_id(_LINES_SQL, _keys(alarms, _LINE_KINDS))
    gateways = await _by_id(_GATEWAYS_SQL, _keys(alarms, (FaultKind.GATEWAY_DOWN.value,)))
    collectors = await _by_id(_COLLECTORS_SQL, _keys(alarms, _COLLECTOR_KINDS))
    found = {}
    for alarm in alarms:
        number = _key(alarm)
        if alarm.meter_id in meters:
            found[alarm.id] = _meter(meters[alarm.meter_id])
        elif alarm.kind in _LINE_KINDS and number in lines:
            found[alarm.id] = _line(lines[number])
        elif alarm.kind == FaultKind.GATEWAY_DOWN.value and number in gateways:
            found[alarm.id] = _gateway(gateways[number])
        elif alarm.kind in _COLLECTOR_KINDS and number in collectors:
            found[alarm.id] = AlarmObject(kind="collector", title=f"采集服务 {collectors[number]['name']}")
        elif alarm.account_id in shops:
            found[alarm.id] = _shop(shops[alarm.account_id])
        else:
            found[alarm.id] = _PLATFORM
    return found


def _meter(row: dict[str, Any]) -> AlarmObject:
    shop = f"{row['shop_code']} {row['shop_name']}" if row["shop_code"] else row["place"]
    return AlarmObject(
        kind="meter",
        title=shop or f"表 {row['serial']}",
        place=f"{row['shaft_name']} {row['line']}-{row['unit']} 表 {row['serial']}",
        meter_id=str(row["id"]),
        account_id=str(row["account_id"]) if row["account_id"] else None,
        line_id=str(row["line_id"]),
        gateway_id=str(row["gateway_id"]),
    )


def _shop(row: dict[str, Any]) -> AlarmObject:
    title = f"{row['code']} {row['name']}"
    return AlarmObject(kind="shop", title=title, place=row["floor"], account_id=str(row["id"]))


def _line(row: dict[str, Any]) -> AlarmObject:
    return AlarmObject(
        kind="line",
        title=f"总线 {row['code']}",
        place=f"{row['shaft_name']} {row['gateway_name']}",
        line_id=str(row["id"]),
        gateway_id=str(row["gateway_id"]),
    )


def _gateway(row: dict[str, Any]) -> AlarmObject:
    return AlarmObject(kind="gateway", title=row["name"], place=row["shaft_name"], gateway_id=str(row["id"]))


def _key(alarm: Alarm) -> int:
    return id_of(alarm.cause.partition(":")[2]) or 0


def _keys(alarms: Sequence[Alarm], kinds: Sequence[str]) -> list[int]:
    return [_key(alarm) for alarm in alarms if alarm.kind in kinds]


async def _by_id(sql: str, numbers: Iterable[int | None]) -> dict[int, dict[str, Any]]:
    wanted = sorted({number for number in numbers if number})
    if not wanted:
        return {}
    return {int(row["id"]): row for row in await rows(sql.format(marks(wanted)), wanted)}

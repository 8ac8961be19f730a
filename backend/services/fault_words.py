"""What an alarm of communication says (通讯故障用语): what, where, since when, what to do."""

from datetime import datetime
from typing import Any

from backend.domain.fault_tree import Fault, FaultKind
from backend.services.alarm_book import CoveredFacts
from backend.services.fault_facts import Known, Row, trouble_since
from backend.store import utc
from common.clock import local

_UNTOUCHED = "电表保持原状态，已付费商铺用电不受影响"


def severity_of(fault: Fault, known: Known) -> str:
    """A meter alone is major, of a public area minor; whatever takes whole lines away is urgent."""
    if fault.cause.kind is not FaultKind.METER_SILENT:
        return "urgent"
    return "major" if known.meters[fault.cause.object_id]["account_id"] is not None else "minor"


def described(fault: Fault, known: Known, now: datetime) -> dict[str, Any]:
    """Return the text and the facts of an alarm, as `raise_alarm` takes them."""
    number = fault.cause.object_id
    if fault.cause.kind is FaultKind.COLLECTOR_AWAY:
        return _away(fault, known, now)
    if fault.cause.kind is FaultKind.METER_SILENT:
        return _meter(known.meters[number], known, now)
    if fault.cause.kind is FaultKind.GATEWAY_DOWN:
        return _gateway(fault, known, now)
    return _line(fault, known, now)


def covered(fault: Fault, known: Known) -> dict[str, Any]:
    """Return a root's `facts`: what it explains, by name where people read it."""
    shops = {known.meters[number]["account_id"] for number in fault.meters} - {None}
    gateways = {int(line["gateway_id"]): str(line["gateway"]) for line in known.lines.values()}
    return {
        "gateways": [gateways[number] for number in fault.gateways],
        "lines": [str(known.lines[number]["code"]) for number in fault.lines],
        "meters": list(fault.meters),
        "shops": len(shops),
    }


def names_of(facts: CoveredFacts) -> str:
    return "、".join([*facts.gateways, *facts.lines])


def _since(at: datetime) -> str:
    return f"{local(at):%m-%d %H:%M}"


def _away(fault: Fault, known: Known, now: datetime) -> dict[str, Any]:
    collector = known.collectors[fault.cause.object_id]
    since_at = collector.seen_at or now
    text = (
        f"采集服务 {collector.name} 自 {_since(since_at)} 起失联，{len(fault.lines)} 条总线、"
        f"{len(fault.meters)} 块表暂不能抄表和断送电。请检查采集主机的电源、网络和服务进程；{_UNTOUCHED}"
    )
    return {"text": text, "since_at": since_at}


def _gateway(fault: Fault, known: Known, now: datetime) -> dict[str, Any]:
    lines = [known.lines[number] for number in fault.lines]
    first = lines[0]
    since_at = min((at for line in lines if (at := trouble_since(line)) is not None), default=now)
    is_cut = any(line["down_since_at"] is not None for line in lines)
    what, hint = (
        ("断线", "电源、网线和交换机端口") if is_cut else ("已连接但各总线均无应答", "串口侧供电，必要时重启")
    )
    text = (
        f"{first['shaft']} 通讯管理机 {first['gateway']}（{first['host']}）自 {_since(since_at)} 起{what}，"
        f"{len(lines)} 条总线、{len(fault.meters)} 块表无法抄读。请检查通讯管理机{hint}；{_UNTOUCHED}"
    )
    return {"text": text, "since_at": since_at, "shaft_id": int(first["shaft_id"])}


def _line(fault: Fault, known: Known, now: datetime) -> dict[str, Any]:
    line = known.lines[fault.cause.object_id]
    since_at = trouble_since(line) or now
    where = f"{line['shaft']} 通讯管理机 {line['gateway']} 总线 {line['code']} 自 {_since(since_at)} 起"
    if fault.cause.kind is FaultKind.LINE_DOWN:
        what = f"连接断开，{len(fault.meters)} 块表无法抄读。同一通讯管理机的其他总线正常，"
        hint = "请检查该串口及其端口设置"
    else:
        what = f"几乎无表应答（共 {len(fault.meters)} 块）。多为 RS485 断线、短路或 A/B 接反，"
        hint = "请从串口端子起逐段检查"
    text = f"{where}{what}{hint}；{_UNTOUCHED}"
    return {"text": text, "since_at": since_at, "shaft_id": int(line["shaft_id"])}


def _meter(meter: Row, known: Known, now: datetime) -> dict[str, Any]:
    line = known.lines[int(meter["line_id"])]
    since_at = utc(meter["shown_at"]) or utc(meter["silent_since_at"]) or now
    text = (
        f"{line['shaft']} 总线 {line['code']} 表 {meter['serial']}（{meter['unit']} 号，{owner(meter)}）"
        f"自 {_since(since_at)} 起没有应答，同一总线其他表正常。请检查电表供电、通讯地址和 A/B 接线；"
        f"{_UNTOUCHED}"
    )
    return {
        "text": text,
        "since_at": since_at,
        "shaft_id": int(line["shaft_id"]),
        "meter_id": int(meter["id"]),
        "account_id": meter["account_id"],
    }


def owner(meter: Row) -> str:
    """Name whose meter it is."""
    if meter["shop_code"]:
        return f"{meter['shop_code']} {meter['shop_name']}"
    return str(meter["place"] or "公区")

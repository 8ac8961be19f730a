"""Which faults of communication stand, each with the one root that explains it (故障归因).

A meter hangs on a line, a line on a gateway, and a collector reads the lines. Whatever a fault explains
is its child and no fault of its own: a gateway without power silences seventy meters and is one fault.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

# Two reports in a row (one each 15 s) have to say the same: a line that was lost for a moment is not told.
# Lines of one gateway notice its end within seconds of one another: told sooner they would be several faults.
SETTLE = timedelta(seconds=20)
SETTLE_AT_MOST = timedelta(seconds=40)
AWAY_AFTER = timedelta(seconds=90)  # A collector asks at least every 25 s.
SILENT_CYCLES = 3
SHORTEST_CYCLE_S = 20.0


class FaultKind(StrEnum):
    COLLECTOR_AWAY = "collector_away"  # 采集服务失联
    GATEWAY_DOWN = "gateway_down"  # 通讯管理机断线
    LINE_DOWN = "line_down"  # 总线的连接断开
    LINE_SILENT = "line_silent"  # 总线连着，表不应答：RS485 断线
    METER_SILENT = "meter_silent"  # 单表不应答


class LineState(StrEnum):
    WELL = "well"  # Also: nothing else was said of it.
    DOWN = "down"
    SILENT = "silent"


class LineFacts(Struct, frozen=True, kw_only=True):
    """What is known of a line that has meters."""

    line_id: int
    gateway_id: int
    collector_id: int | None = None  # None: nobody reads it.
    state: LineState = LineState.WELL
    meters: tuple[int, ...] = ()
    silent: frozenset[int] = frozenset()  # Meters without an answer for so long that it is told.


class Cause(Struct, frozen=True, order=True):
    """What a fault is about: a kind, and the id of the collector, gateway, line or meter."""

    kind: FaultKind
    object_id: int


class Fault(Struct, frozen=True, kw_only=True):
    """One root with all that it explains, ids ascending."""

    cause: Cause
    gateways: tuple[int, ...] = ()
    lines: tuple[int, ...] = ()
    meters: tuple[int, ...] = ()

    def covers(self, cause: Cause) -> bool:
        """Say whether a lesser fault is explained by this one."""
        return (
            cause.object_id
            in {
                FaultKind.COLLECTOR_AWAY: (),
                FaultKind.GATEWAY_DOWN: self.gateways,
                FaultKind.LINE_DOWN: self.lines,
                FaultKind.LINE_SILENT: self.lines,
                FaultKind.METER_SILENT: self.meters,
            }[cause.kind]
        )


def standing_faults(lines: Iterable[LineFacts], away: Collection[int]) -> tuple[Fault, ...]:
    """Return the roots, sorted; the order of `lines` and of what happened does not matter.

    away: ids of collectors that are not heard. Of their lines nothing is known, so nothing else is said.

    A gateway is down when none of its lines is connected, or when it has several and all of them are
    disconnected or silent: one cut cable does not silence two lines.
    """
    by_collector: dict[int, list[LineFacts]] = {number: [] for number in away}
    by_gateway: dict[int, list[LineFacts]] = {}
    for line in sorted(lines, key=lambda one: one.line_id):
        if line.collector_id is not None and line.collector_id in by_collector:
            by_collector[line.collector_id].append(line)
        else:
            by_gateway.setdefault(line.gateway_id, []).append(line)
    faults = [
        _root(FaultKind.COLLECTOR_AWAY, number, mine, gateways=_wholly(mine, by_gateway))
        for number, mine in by_collector.items()
    ]
    for gateway_id, mine in by_gateway.items():
        faults += _of_gateway(gateway_id, mine)
    return tuple(sorted(faults, key=lambda fault: fault.cause))


def _wholly(mine: Iterable[LineFacts], read_by_others: Collection[int]) -> tuple[int, ...]:
    """Return the gateways of which no line is read by anybody else."""
    return tuple(sorted({line.gateway_id for line in mine} - set(read_by_others)))


def _root(kind: FaultKind, number: int, lines: Iterable[LineFacts], gateways: tuple[int, ...] = ()) -> Fault:
    covered = list(lines)
    return Fault(
        cause=Cause(kind, number),
        gateways=gateways,
        lines=tuple(line.line_id for line in covered),
        meters=tuple(sorted(meter for line in covered for meter in line.meters)),
    )


def _of_gateway(gateway_id: int, lines: list[LineFacts]) -> list[Fault]:
    states = {line.state for line in lines}
    if states == {LineState.DOWN} or (len(lines) > 1 and LineState.WELL not in states):
        return [_root(FaultKind.GATEWAY_DOWN, gateway_id, lines)]
    faults = []
    for line in lines:
        if line.state is LineState.WELL:
            faults += [
                Fault(cause=Cause(FaultKind.METER_SILENT, meter))
                for meter in line.meters
                if meter in line.silent
            ]
        else:
            kind = FaultKind.LINE_DOWN if line.state is LineState.DOWN else FaultKind.LINE_SILENT
            faults.append(Fault(cause=Cause(kind, line.line_id), meters=tuple(sorted(line.meters))))
    return faults


class Arrangement(Struct, frozen=True, kw_only=True):
    """What has to become of the alarms that stand."""

    raised: tuple[Fault, ...]  # Roots that nothing stands for yet.
    roots: tuple[Fault, ...]  # Roots that stand already, perhaps as somebody's child until now.
    children: Mapping[Cause, Cause]  # Standing alarms that a root explains, with that root.
    healed: tuple[Cause, ...]


def arrange(standing: Collection[Cause], faults: Iterable[Fault]) -> Arrangement:
    """Compare what stands with what is wrong now. Each standing cause is in exactly one of the parts."""
    roots = {fault.cause: fault for fault in faults}
    children: dict[Cause, Cause] = {}
    healed = []
    for cause in sorted(set(standing) - roots.keys()):
        root = next((fault.cause for fault in roots.values() if fault.covers(cause)), None)
        if root is None:
            healed.append(cause)
        else:
            children[cause] = root
    return Arrangement(
        raised=tuple(fault for cause, fault in roots.items() if cause not in standing),
        roots=tuple(fault for cause, fault in roots.items() if cause in standing),
        children=children,
        healed=tuple(healed),
    )


def settled(since: Mapping[int, datetime], told: Collection[int], now: datetime) -> frozenset[int]:
    """Return those of one gateway's troubled lines that may be told of.

    since: when each troubled line was first found so. told: what stands already stays.
    A line waits for 20 s; up to 40 s while a line beside it has only just failed: it may be the gateway.
    """
    is_moving = any(now - at < SETTLE for at in since.values())
    wait = SETTLE_AT_MOST if is_moving else SETTLE
    return frozenset(line for line, at in since.items() if line in told or now - at >= wait)


def told_silent_at(
    silent_since: datetime, shown_at: datetime | None, back_at: datetime | None, cycle_s: float
) -> datetime:
    """Return when a silent meter is told of: three cycles after its last answer, one after it was missed.

    back_at: when its line, gateway or collector came back: silence before that was theirs.
    """
    cycle = timedelta(seconds=max(cycle_s, SHORTEST_CYCLE_S))
    heard_at = max(shown_at or silent_since, back_at or shown_at or silent_since)
    missed_at = max(silent_since, back_at or silent_since)
    return max(heard_at + SILENT_CYCLES * cycle, missed_at + cycle)

"""The plan: which lines and meters there are, and what a new plan changes (采集方案)."""

from collections.abc import Iterator, Mapping
from enum import Enum, auto

import structlog
from msgspec import structs

from collector.link import MODBUS_TCP, PROTOCOLS
from collector.profile_dlt645 import Dlt645Profile
from collector.protocols import dlt645, rtu
from collector.shelf import Shelf
from common.wire import Plan, PlanLine, PlanMeter

log = structlog.get_logger()


class Change(Enum):
    START = auto()
    STOP = auto()
    RESTART = auto()  # Another gateway, speed or time limit: the connection is opened anew.
    METERS = auto()  # Other meters or interval: the line goes on.


def usable(plan: Plan, shelf: Shelf) -> Plan:
    """Return the part of a plan that can be run, and load the profiles it needs from the shelf.

    A wrong profile or address, a line of an unknown protocol or one whose port is another's leaves the
    others alone; it is logged as an error.
    """
    lines: list[PlanLine] = []
    for line in plan.lines:
        if line.protocol not in PROTOCOLS:
            log.error("protocol_unknown", line=line.line_id, protocol=line.protocol)
            continue
        # Without transaction numbers two connections to one port would hear each other's answers.
        if any(not _may_share(other, line) for other in lines):
            log.error("port_taken", line=line.line_id, host=line.host, port=line.port)
            continue
        meters = [m for m in line.meters if shelf.use(m.profile) and _can_be_asked(line, m, shelf)]
        lines.append(structs.replace(line, meters=meters))
    return structs.replace(plan, lines=lines)


def changes(running: Mapping[str, PlanLine], plan: Plan) -> Iterator[tuple[Change, PlanLine]]:
    """Tell what has to happen to the running lines; stops come first, so that no port is used twice."""
    wanted = {line.line_id: line for line in plan.lines}
    for line_id, old in running.items():
        if line_id not in wanted:
            yield Change.STOP, old
    for line_id, new in wanted.items():
        now = running.get(line_id)
        if now is None:
            yield Change.START, new
        elif _connection(now) != _connection(new):
            yield Change.RESTART, new
        elif now != new:
            yield Change.METERS, new


def _may_share(one: PlanLine, other: PlanLine) -> bool:
    return (one.host, one.port) != (other.host, other.port) or one.protocol == other.protocol == MODBUS_TCP


def _can_be_asked(line: PlanLine, meter: PlanMeter, shelf: Shelf) -> bool:
    """Tell whether a meter's profile and address are of its line's protocol."""
    is_645 = line.protocol.startswith("dlt645")
    problem = None
    if isinstance(shelf.in_force[meter.profile], Dlt645Profile) is not is_645:
        problem = f"{meter.profile} does not speak {line.protocol}"
    elif is_645:
        try:
            dlt645.encode(
                meter.address, dlt645.Control(dlt645.Command.TRIP), meter.control_password, meter.operator
            )
        except ValueError:
            problem = "address, password or operator"
    elif not 1 <= meter.unit <= rtu.MAX_UNIT:
        problem = f"unit {meter.unit}"
    if problem is not None:
        log.error("meter_unusable", meter=meter.meter_id, reason=problem)
    return problem is None


def _connection(line: PlanLine) -> tuple[object, ...]:
    return line.protocol, line.host, line.port, line.baud, line.parity, line.gateway_timeout_s

"""The link to one line: a connection, one request outstanding, answers matched in everything (链路).

modbus-tcp                     link_mbap: a transaction number, lines may share a socket
rtu-tcp, dlt645-tcp            link_stream: a socket, bytes
rtu-serial, dlt645-serial      link_stream: a port of this machine, bytes
"""

from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from collector.link_mbap import MbapLink, Sockets
from collector.link_serial import open_serial
from collector.link_stream import StreamLink
from collector.link_time import LineTime
from collector.link_wires import Dlt645Wire, RtuWire, Wire
from collector.requests import Request
from common.clock import Clock
from common.streams import Dial
from common.wire import PlanLine, PlanMeter

MODBUS_TCP = "modbus-tcp"
WIRES: dict[str, Callable[[PlanLine], Wire]] = {
    "rtu-tcp": RtuWire,
    "dlt645-tcp": Dlt645Wire,
    "rtu-serial": RtuWire,
    "dlt645-serial": Dlt645Wire,
}
PROTOCOLS = (MODBUS_TCP, *WIRES)
SERIAL = ("rtu-serial", "dlt645-serial")


class Link(Protocol):
    """What the owner of a line has of its link; it is the only caller, one call at a time."""

    time: LineTime
    timeouts: int
    strays: int
    bad_frames: int

    @property
    def connected(self) -> bool: ...

    @property
    def sound_s(self) -> float:
        """When anything at all came in last, or when the connection was opened (monotonic)."""

    async def connect(self) -> None:
        """Open the connection. Raises OSError when nobody answers in time."""

    def close(self) -> None: ...

    def check(self) -> None:
        """Raise LinkLost when the other side has closed the connection; nothing is sent."""

    def give_up(self, reason: str) -> NoReturn:
        """Close a connection that cannot be trusted. Raises LinkLost, for all that share it."""

    def may_ask(
        self, meter: PlanMeter, request: Request, now_s: float, *, is_read_back: bool = False
    ) -> float:
        """Return the instant from which this request is safe; not after `now_s` means now.

        is_read_back: an order is waiting for its contact; see Rests.
        """

    def limit_s(self, meter: PlanMeter, request: Request) -> float:
        """Return how long an answer is waited for."""

    async def transact(self, meter: PlanMeter, request: Request) -> Sequence[int]:
        """Send a request and return what its answer says: register words (Modbus) or the data bytes
        behind the identifier (DL/T 645); a command's is empty.

        Raises Silent (nobody answered), Rejected (the meter said no), LinkLost.
        """


def link_for(
    plan: PlanLine, *, dial: Dial, clock: Clock, sockets: Sockets, lost: Callable[[], None] = lambda: None
) -> Link:
    """Return the link of a line, not yet connected. lost: called when its connection has gone."""
    if plan.protocol == MODBUS_TCP:
        return MbapLink(sockets.of(plan.host, plan.port), plan, lost)
    wire = WIRES[plan.protocol](plan)
    if plan.protocol in SERIAL:
        return StreamLink(lambda: open_serial(plan.host, plan.baud, plan.parity), wire, clock, plan, lost)
    return StreamLink(lambda: dial(plan.host, plan.port), wire, clock, plan, lost)

"""A connection that is open at our end alone is found in five seconds, and dead meters are no such thing."""

import asyncio
import random
from collections.abc import Callable

import pytest

from collector.line import Line
from collector.profile import load_profile
from common.clock import Clock, LoopClock, SystemClock
from common.streams import Dial, Streams, dial_tcp
from common.wire import Desired, Outcome, PlanLine, PlanMeter, Reading
from simulator.gateway import Gateway
from simulator.line import Line as SimulatedLine
from simulator.meter import DDSY1352, DLT645_1P, PREPAID, Meter, MeterSpec
from simulator.time_line import EPOCH
from simulator.wire_time import LineTiming
from tests.collector.site import run_site

FOUND_WITHIN_S = 5.0


class Sink:
    """Remembers when readings came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.read_s: list[float] = []

    def reading(self, reading: Reading) -> None:
        self.read_s.append(self._clock.monotonic())

    def outcome(self, outcome: Outcome, ended: bool) -> None:
        return

    def trip_allowed(self, desired: Desired) -> bool:
        return True

    def time_known(self) -> bool:
        return True


class Place:
    """One line behind a gateway, with its owner; `dials` is when a connection was opened."""

    def __init__(
        self, clock: Clock, protocol: str, meters: int, interval_s: float = 60.0, baud: int = 9600
    ) -> None:
        self.profile = DLT645_1P if protocol.startswith("dlt645") else DDSY1352
        parity = "E" if protocol.startswith("dlt645") else "N"
        specs = [
            MeterSpec(f"{u:012d}", u, self.profile, PREPAID, "restaurant", address=f"{u:012d}")
            for u in range(1, meters + 1)
        ]
        self.clock = clock
        self.meters = [Meter(spec, "half open") for spec in specs]
        self.line = SimulatedLine("L1", clock, self.meters, LineTiming(baud, parity), protocol=protocol)
        self.gateway = Gateway("G1", "一号井", [self.line])
        self.sink = Sink(clock)
        self.dials: list[float] = []
        self.asked_s: list[float] = []
        self.plan = PlanLine(
            line_id="L1",
            name="L1",
            protocol=protocol,
            host="127.0.0.1",
            port=502,
            baud=baud,
            parity=parity,
            poll_interval_s=interval_s,
            meters=[
                PlanMeter(
                    meter_id=f"m{s.unit}", unit=s.unit, profile=self.profile, prepaid=True, address=s.serial
                )
                for s in specs
            ],
        )

    def own(self, dial: Dial) -> Line:
        async def noted(host: str, port: int) -> Streams:
            self.dials.append(self.clock.monotonic())
            return await dial(host, port)

        profiles = {self.profile: load_profile(self.profile)}
        return Line(
            self.plan, profiles, dial=noted, clock=self.clock, random_=random.Random(1), sink=self.sink
        )

    async def dial(self, host: str, port: int) -> Streams:
        return await self.gateway.ports["L1"].dial()


def in_memory(place: Callable[[Clock], Place], story: Callable[[Place, Line], object]) -> None:
    async def main() -> None:
        here = place(LoopClock(EPOCH))
        line = here.own(here.dial)
        running = asyncio.create_task(line.run())
        await story(here, line)  # type: ignore[misc]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await here.gateway.close()

    run_site(main)


@pytest.mark.parametrize("meters", [1, 2, 3, 30])
@pytest.mark.parametrize(
    ("protocol", "baud"), [("modbus-tcp", 9600), ("rtu-tcp", 9600), ("rtu-tcp", 2400), ("dlt645-tcp", 2400)]
)
def test_half_open_is_found_in_five_seconds_from_the_first_unanswered_request(
    protocol: str, baud: int, meters: int
) -> None:
    async def story(here: Place, line: Line) -> None:
        await here.clock.sleep(70)
        here.gateway.switch_line("L1", "half_open", True)
        here.gateway.switch_line("L1", "half_open", False)  # Lost are the connections of now.
        lost_s = here.clock.monotonic()
        await here.clock.sleep(130)
        assert len(here.dials) == 2
        # Polls come each minute: the first unanswered one at most then.
        first_unanswered_s = here.dials[1] - lost_s - 60
        assert first_unanswered_s < FOUND_WITHIN_S
        after = [at for at in here.sink.read_s if at > here.dials[1]]
        assert after[0] - here.dials[1] < 4
        assert line.health().silent_meters == []

    in_memory(lambda clock: Place(clock, protocol, meters, baud=baud), story)


@pytest.mark.parametrize("protocol", ["modbus-tcp", "rtu-tcp"])
@pytest.mark.parametrize("meters", [1, 2, 20])
def test_dead_meters_behind_a_living_gateway_do_not_reconnect_for_ever(protocol: str, meters: int) -> None:
    async def story(here: Place, line: Line) -> None:
        await here.gateway.switch("no_exceptions", True)
        await here.clock.sleep(30)
        for meter in here.meters:
            meter.dead = True
        await here.clock.sleep(3_600)
        reconnects = line.health().reconnects
        assert 1 <= reconnects <= 70
        for meter in here.meters:
            meter.dead = False
        back_s = here.clock.monotonic()
        await here.clock.sleep(130)
        assert next(at for at in here.sink.read_s if at > back_s) - back_s < 130
        assert line.health().reconnects <= reconnects + 1

    in_memory(lambda clock: Place(clock, protocol, meters), story)


@pytest.mark.parametrize("protocol", ["modbus-tcp", "rtu-tcp"])
def test_a_few_dead_meters_cost_no_connection(protocol: str) -> None:
    async def story(here: Place, line: Line) -> None:
        await here.gateway.switch("no_exceptions", True)
        for meter in here.meters[:7]:
            meter.dead = True
        await here.clock.sleep(3_600)
        assert line.health().reconnects == 0

    in_memory(lambda clock: Place(clock, protocol, 20), story)


@pytest.mark.parametrize("protocol", ["modbus-tcp", "rtu-tcp"])
async def test_a_peer_that_swallows_everything_is_found_on_a_real_socket(protocol: str) -> None:
    clock = SystemClock()
    here = Place(clock, protocol, 1)
    swallowed_s: list[float] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            swallowed_s.append(clock.monotonic())
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = here.own(lambda _host, _port: dial_tcp("127.0.0.1", port))
    running = asyncio.create_task(line.run())
    try:
        async with asyncio.timeout(10):
            while len(here.dials) < 2:
                await clock.sleep(0.02)
        assert here.dials[1] - swallowed_s[0] < FOUND_WITHIN_S
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()
        await server.wait_closed()
        await clock.sleep(0.05)

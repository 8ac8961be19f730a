"""Several lines of one gateway on one Modbus TCP socket."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from collector.link import Link, link_for
from collector.link_connection import LinkLost
from collector.link_mbap import Sockets
from collector.main import Collector
from collector.protocols.answer import Silent
from collector.protocols.modbus import MBAP, Read
from common.clock import LoopClock
from common.streams import Streams, Writer, pipe
from common.wire import Plan, PlanLine, PlanMeter
from simulator.gateway import Gateway
from simulator.line import Line
from simulator.meter import DDSY1352, PREPAID, Meter, MeterSpec
from tests.collector.site import Site, run_site

TWO = Read(0x0000, 2)


def frame(transaction: int, unit: int, value: int) -> bytes:
    pdu = b"\x03\x04\x00\x00" + value.to_bytes(2, "big")
    return MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def meter(unit: int) -> PlanMeter:
    return PlanMeter(meter_id=f"m{unit}", unit=unit, profile="p", prepaid=True)


class Peer:
    """A gateway on which a test answers by hand."""

    def __init__(self) -> None:
        self.dials = 0
        self.asked: list[tuple[int, int]] = []  # (transaction, unit)
        self.writer: Writer | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def dial(self, host: str, port: int) -> Streams:
        self.dials += 1
        near, (reader, self.writer) = pipe()
        self._tasks.append(asyncio.get_running_loop().create_task(self._serve(reader)))
        return near

    async def _serve(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                transaction, _, length, unit = MBAP.unpack(await reader.readexactly(MBAP.size))
                await reader.readexactly(length - 1)
                self.asked.append((transaction, unit))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return

    def say(self, data: bytes) -> None:
        assert self.writer is not None
        self.writer.write(data)


def with_two_links(story: Callable[[Peer, Link, Link], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        clock = LoopClock(datetime(2026, 3, 2, tzinfo=UTC))
        peer = Peer()
        sockets = Sockets(peer.dial, clock)
        plans = [PlanLine(line_id=f"L{i}", name="", protocol="modbus-tcp", host="h", port=1) for i in (1, 2)]
        links = [link_for(plan, dial=peer.dial, clock=clock, sockets=sockets) for plan in plans]
        await asyncio.gather(*(link.connect() for link in links))
        return await story(peer, *links)

    return run_site(main)


async def ask(link: Link, unit: int) -> Any:
    try:
        return tuple(await link.transact(meter(unit), TWO))
    except (Silent, LinkLost) as error:
        return type(error)


async def both(peer: Peer, one: Link, two: Link) -> tuple["asyncio.Task[Any]", "asyncio.Task[Any]"]:
    """Begin a request on each line."""
    tasks = asyncio.create_task(ask(one, 5)), asyncio.create_task(ask(two, 50))
    await asyncio.sleep(0.01)
    return tasks


def test_two_lines_share_one_connection_and_ask_at_the_same_time() -> None:
    async def story(peer: Peer, one: Link, two: Link) -> Any:
        first, second = await both(peer, one, two)
        (t1, _), (t2, _) = peer.asked
        peer.say(frame(t2, 50, 2) + frame(t1, 5, 1))
        return peer.dials, await first, await second

    assert with_two_links(story) == (1, (0, 1), (0, 2))


def test_two_answers_in_pieces_that_overlap_are_told_apart() -> None:
    async def story(peer: Peer, one: Link, two: Link) -> Any:
        first, second = await both(peer, one, two)
        (t1, _), (t2, _) = peer.asked
        data = frame(t2, 50, 2) + frame(t1, 5, 1)
        peer.say(data[:16])
        await asyncio.sleep(0.01)
        peer.say(data[16:])
        return await first, await second

    assert with_two_links(story) == ((0, 1), (0, 2))


def test_a_silent_meter_of_one_line_does_not_end_the_other() -> None:
    async def story(peer: Peer, one: Link, two: Link) -> Any:
        first, second = await both(peer, one, two)
        (_, _), (t2, _) = peer.asked
        peer.say(frame(t2, 50, 2))
        return await second, await first, one.connected, two.connected

    assert with_two_links(story) == ((0, 2), Silent, True, True)


@pytest.mark.parametrize("how", ["closed", "nonsense"])
def test_losing_the_connection_tells_all_of_its_lines_at_once(how: str) -> None:
    async def story(peer: Peer, one: Link, two: Link) -> Any:
        first, second = await both(peer, one, two)
        assert peer.writer is not None
        if how == "closed":
            peer.writer.close()
        else:
            peer.say(b"\1\1\1\1\1\1\1\1")
        found = await first, await second
        return *found, asyncio.get_running_loop().time() < 0.1, one.connected, two.connected

    assert with_two_links(story) == (LinkLost, LinkLost, True, False, False)


def test_a_line_that_goes_leaves_the_other_alone_and_the_last_one_closes() -> None:
    async def story(peer: Peer, one: Link, two: Link) -> Any:
        first, second = await both(peer, one, two)
        (_, _), (t2, _) = peer.asked
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        one.close()
        peer.say(frame(t2, 50, 2))
        found = await second
        assert peer.writer is not None
        alive = peer.writer.is_closing()
        two.close()
        await asyncio.sleep(0.01)
        return found, alive, peer.dials

    assert with_two_links(story) == ((0, 2), False, 1)


def two_lines() -> tuple[Site, Gateway, Plan]:
    """A site whose gateway has two serial lines of three meters behind one port."""
    site = Site(0)
    lines, plan_lines = [], []
    for number in (1, 2):
        units = range(10 * number, 10 * number + 3)
        specs = [MeterSpec(f"{u:012d}", u, DDSY1352, PREPAID, "restaurant") for u in units]
        code = f"L{number}"
        lines.append(Line(code, site.clock, [Meter(spec, "shared") for spec in specs]))
        meters = [PlanMeter(meter_id=f"m{u}", unit=u, profile=DDSY1352, prepaid=True) for u in units]
        plan_lines.append(
            PlanLine(
                line_id=code, name=code, protocol="modbus-tcp", host="10.0.0.1", port=502,
                poll_interval_s=5, meters=meters,
            )
        )  # fmt: skip
    gateway = Gateway("G1", "一号井", lines, shared=("L1", "L2"))
    return site, gateway, Plan(version="v1", site_id="S1", lines=plan_lines)


def test_replanning_one_line_cuts_no_other_and_dials_no_second_time() -> None:
    async def main() -> None:
        site, gateway, plan = two_lines()
        dials = 0

        async def dial(host: str, port: int) -> Streams:
            nonlocal dials
            dials += 1
            return await gateway.ports["L1"].dial()

        site.backend.plan = plan
        collector = Collector(site.settings, site.clock, dial, site.backend.client(), random.Random(1))
        running = asyncio.create_task(collector.run())
        await site.after(30)
        assert {r.meter_id for r in site.backend.readings} == {f"m{u}" for u in (10, 11, 12, 20, 21, 22)}
        slower = structs.replace(plan.lines[0], gateway_timeout_s=0.7)
        site.backend.plan = Plan(version="v2", site_id="S1", lines=[slower, plan.lines[1]])
        site.backend.readings.clear()
        await site.after(60)
        assert {r.meter_id for r in site.backend.readings} == {f"m{u}" for u in (10, 11, 12, 20, 21, 22)}
        assert dials == 1
        assert [line.reconnects for line in site.backend.health[-1].lines] == [0, 0]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await gateway.close()

    run_site(main)

"""A transparent line against a scripted gateway: what is taken, and when what may be asked."""

import asyncio
import os
import tty
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from collector.link import Link, link_for
from collector.link_connection import LinkLost
from collector.link_mbap import Sockets
from collector.protocols import dlt645, rtu
from collector.protocols.answer import Rejected, Silent
from collector.protocols.modbus import Read, Write
from collector.requests import Request
from common.clock import LoopClock, SystemClock
from common.streams import Streams, Writer, pipe
from common.wire import PlanLine, PlanMeter
from tests.collector.site import run_site

RTU = PlanLine(line_id="L", name="L", protocol="rtu-tcp", host="h", port=1)
DLT = PlanLine(line_id="L", name="L", protocol="dlt645-tcp", host="h", port=1, baud=2400, parity="E")
METER = PlanMeter(meter_id="m5", unit=5, profile="p", prepaid=True, address="000000000005")
OTHER = PlanMeter(meter_id="m6", unit=6, profile="p", prepaid=True, address="000000000006")
TWO, FOUR = Read(0x0000, 2), Read(0x0010, 4)
ENERGY = dlt645.Read(0x00010000, 4)

# Gets a request and says what to send, in pieces, each after so many seconds.
Script = Callable[[bytes], list[tuple[float, bytes]]]


def answer(value: int = 7, unit: int = 5, words: int = 2) -> bytes:
    return rtu.encode(unit, bytes([3, 2 * words]) + bytes(2 * words - 1) + bytes([value]))


def energy(digits: str = "00123456", address: str = "050000000000", control: int = 0x91) -> bytes:
    body = bytes.fromhex("00000100") + bytes(reversed(bytes.fromhex(digits)))
    shifted = bytes((byte + 0x33) & 0xFF for byte in body)
    frame = b"\x68" + bytes.fromhex(address) + b"\x68" + bytes([control, len(body)]) + shifted
    return b"\xfe\xfe" + frame + bytes([sum(frame) & 0xFF, 0x16])


class Peer:
    """A transparent gateway that follows a script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[bytes] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def dial(self, host: str, port: int) -> Streams:
        near, (reader, writer) = pipe()
        self._tasks.append(asyncio.get_running_loop().create_task(self._serve(reader, writer)))
        return near

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        while request := await reader.read(1000):
            self.asked.append(request)
            self._tasks.append(asyncio.get_running_loop().create_task(self._answer(request, writer)))

    async def _answer(self, request: bytes, writer: Writer) -> None:
        for delay_s, data in self.script(request):
            await asyncio.sleep(delay_s)
            if not data:
                writer.close()
                return
            writer.write(data)


def with_link(plan: PlanLine, script: Script, story: Callable[[Link], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        clock = LoopClock(datetime(2026, 3, 2, tzinfo=UTC))
        peer = Peer(script)
        link = link_for(plan, dial=peer.dial, clock=clock, sockets=Sockets(peer.dial, clock))
        await link.connect()
        try:
            return await story(link)
        finally:
            link.close()

    return run_site(main)


async def ask(link: Link, request: Request, meter: PlanMeter = METER) -> Any:
    try:
        return tuple(await link.transact(meter, request))
    except (Silent, Rejected, LinkLost) as error:
        return type(error)


REFUSED = rtu.encode(5, b"\x83\x02")
ABSENT = rtu.encode(5, b"\x83\x0b")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([(0.06, answer())], (0, 7)),
        ([(0.05, answer()[:3]), (0.01, answer()[3:])], (0, 7)),
        # Strays, noise and a broken frame before it, in the same piece or on their own.
        ([(0.06, answer(1, unit=6) + answer(2, words=3) + answer())], (0, 7)),
        ([(0.06, b"\x03\x03" + answer())], (0, 7)),
        ([(0.06, answer()[:-1] + b"\0" + answer(8))], (0, 8)),
        ([(0.05, answer(1, unit=6)), (0.05, answer())], (0, 7)),
        # Sooner than the wire allows: it was under way before we asked.
        ([(0.001, answer(1)), (0.07, answer())], (0, 7)),
        ([(0.001, answer(1)[:6]), (0.04, answer(1)[6:])], Silent),
        ([(0.02, answer(1))], Silent),
        # Only wrong ones.
        ([(0.06, answer(unit=6))], Silent),
        ([(0.06, answer(words=4))], Silent),
        ([(0.06, answer()[:-1] + b"\0")], Silent),
        ([], Silent),
        ([(0.06, REFUSED)], Rejected),
        ([(0.06, ABSENT)], Silent),
        ([(0.05, b"")], LinkLost),
    ],
)
def test_only_a_right_answer_in_its_time_becomes_a_value(
    pieces: list[tuple[float, bytes]], expected: Any
) -> None:
    assert with_link(RTU, lambda request: pieces, lambda link: ask(link, TWO)) == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([(0.25, energy())], "56341200"),
        ([(0.25, b"\x68\x16" + energy())], "56341200"),
        ([(0.25, energy(address="060000000000") + energy())], "56341200"),
        ([(0.01, energy("00999999")), (0.3, energy())], "56341200"),
        # 4 ms after a request of 92 ms, character by character: sooner than the standard says, and right.
        ([(0.1005, energy()[2:3]), (0.087, energy()[3:])], "56341200"),
        ([(0.25, energy(control=0x81))], Silent),
        ([(0.25, energy()[:-2] + b"\0\x16")], Silent),
    ],
)
def test_a_dlt645_answer_needs_address_control_and_identifier(
    pieces: list[tuple[float, bytes]], expected: Any
) -> None:
    found = with_link(DLT, lambda request: pieces, lambda link: ask(link, ENERGY))

    assert (bytes(found).hex() if isinstance(found, tuple) else found) == expected


def test_a_dlt645_answer_in_several_frames_is_asked_for_to_its_end() -> None:
    def script(request: bytes) -> list[tuple[float, bytes]]:
        body = request[request.index(0x68) :]
        number = body[-3] - 0x33 if body[8] == 0x12 else 0
        data = bytes.fromhex("00000100") + bytes([number] * 3) + (bytes([number]) if number else b"")
        control = 0xB1 if number == 0 else 0xB2 if number == 1 else 0x92
        frame = body[:8] + bytes([control, len(data)]) + bytes(byte + 0x33 for byte in data)
        return [(0.4, frame + bytes([sum(frame) & 0xFF, 0x16]))]

    found = with_link(DLT, script, lambda link: ask(link, dlt645.Read(0x00010000, 3)))

    assert bytes(found).hex() == "000000010101020202"


def test_nobody_answers_a_time_broadcast_and_it_keeps_the_line_as_long_as_it_takes() -> None:
    async def story(link: Link) -> tuple[Any, float]:
        found = await ask(link, dlt645.Broadcast(datetime(2026, 3, 2, tzinfo=UTC)))
        return found, asyncio.get_running_loop().time()

    found, took_s = with_link(DLT, lambda request: [], story)

    assert found == ()
    assert took_s > 22 * 11 / 2400


def test_a_late_answer_is_not_the_next_ones() -> None:
    late = iter([(1.3, answer(1)), (0.06, answer(2, unit=6)), (0.08, answer(3, words=4))])

    async def story(link: Link) -> list[Any]:
        found = [await ask(link, TWO), await ask(link, TWO, OTHER)]
        await asyncio.sleep(link.may_ask(METER, FOUR, asyncio.get_running_loop().time()) - 0.6)
        return [*found, await ask(link, FOUR)]

    found = with_link(RTU, lambda request: [next(late)], story)

    assert found == [Silent, (0, 2), (0, 0, 0, 3)]


def test_the_silent_meter_rests_while_others_and_orders_go_on() -> None:
    async def story(link: Link) -> dict[str, float]:
        await ask(link, TWO)
        now_s = asyncio.get_running_loop().time()
        waits = {
            "another length": link.may_ask(METER, FOUR, now_s),
            "the same": link.may_ask(METER, TWO, now_s),
            "as long": link.may_ask(METER, Read(0x0020, 2), now_s),
            "another meter": link.may_ask(OTHER, TWO, now_s),
            "an order": link.may_ask(METER, Write(0x0057, (1, 0)), now_s),
        }
        return {name: round(until_s - now_s, 3) for name, until_s in waits.items()}

    assert with_link(RTU, lambda request: [], story) == {
        "another length": 2.0,
        "the same": 3.0,
        "as long": 10.0,
        "another meter": 0.0,
        "an order": 0.0,
    }


def test_what_came_late_is_owed_no_longer_but_the_meter_has_not_been_quiet() -> None:
    async def story(link: Link) -> list[float]:
        await ask(link, TWO)
        await asyncio.sleep(1.5)
        now_s = asyncio.get_running_loop().time()
        return [link.may_ask(METER, request, now_s) - now_s for request in (FOUR, Read(0x0020, 2))]

    assert with_link(RTU, lambda request: [(1.3, answer())], story) == [0, 0]


def test_two_requests_that_look_alike_wait_for_another_between_them() -> None:
    like = Read(0x0020, 2)

    async def story(link: Link) -> list[bool]:
        await ask(link, TWO)
        now_s = asyncio.get_running_loop().time()
        at_once = [link.may_ask(METER, request, now_s) <= now_s for request in (TWO, like, FOUR)]
        at_once.append(link.may_ask(METER, TWO, now_s, is_read_back=True) <= now_s)
        await ask(link, TWO, OTHER)
        await asyncio.sleep(0.2)
        now_s = asyncio.get_running_loop().time()
        return [*at_once, link.may_ask(METER, like, now_s) <= now_s]

    found = with_link(RTU, lambda request: [(0.06, answer(unit=request[0]))], story)

    assert found == [False, False, True, True, True]


def test_a_time_broadcast_waits_for_no_silent_meter() -> None:
    async def story(link: Link) -> bool:
        await ask(link, dlt645.Control(dlt645.Command.TRIP))
        now_s = asyncio.get_running_loop().time()
        return link.may_ask(METER, dlt645.Broadcast(datetime(2026, 3, 2, tzinfo=UTC)), now_s) <= now_s

    assert with_link(DLT, lambda request: [], story)


def test_waiting_is_learned_and_a_miss_gets_the_first_time_again() -> None:
    silent = {"now": False}

    async def story(link: Link) -> list[float]:
        limits = [link.limit_s(METER, TWO)]
        for _ in range(5):
            await ask(link, TWO)
        limits.append(link.limit_s(METER, TWO))
        silent["now"] = True
        await ask(link, TWO)
        return [*limits, link.limit_s(METER, TWO)]

    first_s, learned_s, again_s = with_link(
        RTU, lambda request: [] if silent["now"] else [(0.06, answer())], story
    )

    assert first_s == again_s
    assert first_s - learned_s == pytest.approx(0.35, abs=0.001)


@pytest.mark.parametrize("protocol", ["rtu-serial", "dlt645-serial"])
async def test_a_port_of_this_machine_is_a_line_too(protocol: str) -> None:
    """A pair of pseudo terminals: without baud rate and parity, but opened, written and read the same."""
    master, slave = os.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    loop = asyncio.get_running_loop()
    clock = SystemClock()
    reply = answer() if protocol == "rtu-serial" else energy()

    def heard() -> None:
        os.read(master, 1000)
        loop.call_later(0.3, os.write, master, reply)

    loop.add_reader(master, heard)
    plan = PlanLine(line_id="L", name="L", protocol=protocol, host=os.ttyname(slave), port=0, baud=2400)

    async def nobody(host: str, port: int) -> Streams:
        raise AssertionError("a serial line is not dialled")

    link = link_for(plan, dial=nobody, clock=clock, sockets=Sockets(nobody, clock))
    try:
        await link.connect()
        request = TWO if protocol == "rtu-serial" else ENERGY
        assert tuple(await link.transact(METER, request)) in ((0, 7), (0x56, 0x34, 0x12, 0x00))
    finally:
        link.close()
        loop.remove_reader(master)
        await clock.sleep(0.05)
        os.close(master)
        os.close(slave)


async def test_a_port_that_is_not_there_is_refused_as_a_socket_is() -> None:
    plan = PlanLine(line_id="L", name="L", protocol="rtu-serial", host="/dev/no-such-port", port=0)

    async def nobody(host: str, port: int) -> Streams:
        raise AssertionError("a serial line is not dialled")

    clock = SystemClock()
    link = link_for(plan, dial=nobody, clock=clock, sockets=Sockets(nobody, clock))

    with pytest.raises(OSError, match="no-such-port"):
        await link.connect()

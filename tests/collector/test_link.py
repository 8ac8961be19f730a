"""One connection against a scripted gateway that sends raw bytes."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from collector.link import Link, link_for
from collector.link_connection import LinkLost
from collector.link_mbap import Sockets
from collector.protocols.answer import Rejected, Silent
from collector.protocols.modbus import MBAP, Read, Write
from common.clock import LoopClock
from common.streams import Streams, Writer, pipe
from common.wire import PlanLine, PlanMeter
from tests.collector.site import run_site

READ = Read(0x0000, 2)
PLAN = PlanLine(line_id="L", name="L", protocol="modbus-tcp", host="h", port=1)


def meter(unit: int) -> PlanMeter:
    return PlanMeter(meter_id=f"m{unit}", unit=unit, profile="p", prepaid=True)


# Gets (transaction, unit, request PDU) and says what to send, in pieces, each after so many seconds.
Script = Callable[[int, int, bytes], list[tuple[float, bytes]]]


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    return MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def good(transaction: int, unit: int, value: int = 7) -> bytes:
    return frame(transaction, unit, b"\x03\x04\x00\x00" + value.to_bytes(2, "big"))


class Peer:
    """A gateway that follows a script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.dials = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def dial(self, host: str, port: int) -> Streams:
        self.dials += 1
        near, (reader, writer) = pipe()
        self._tasks.append(asyncio.get_running_loop().create_task(self._serve(reader, writer)))
        return near

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while True:
                transaction, _, length, unit = MBAP.unpack(await reader.readexactly(MBAP.size))
                request = await reader.readexactly(length - 1)
                for delay_s, data in self.script(transaction, unit, request):
                    await asyncio.sleep(delay_s)
                    if not data:
                        writer.close()
                        return
                    writer.write(data)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return


def with_link(script: Script, story: Callable[[Link, Peer], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        clock = LoopClock(datetime(2026, 3, 2, tzinfo=UTC))
        peer = Peer(script)
        link = link_for(PLAN, dial=peer.dial, clock=clock, sockets=Sockets(peer.dial, clock))
        await link.connect()
        try:
            return await story(link, peer)
        finally:
            link.close()

    return run_site(main)


async def ask(link: Link, peer: Peer) -> Any:
    try:
        return tuple(await link.transact(meter(5), READ))
    except (Silent, Rejected, LinkLost) as error:
        return type(error)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (lambda t, u, r: [(0.05, good(t, u))], (0, 7)),
        # In pieces.
        (lambda t, u, r: [(0.05, good(t, u)[:3]), (0.1, good(t, u)[3:9]), (0.1, good(t, u)[9:])], (0, 7)),
        # Strays before it: an old transaction, another unit, another function, another length.
        (lambda t, u, r: [(0.05, good(t - 1, u, 1) + good(t, u + 1, 2) + good(t, u))], (0, 7)),
        (lambda t, u, r: [(0.05, frame(t, u, b"\x04\x04\0\0\0\1")), (0.05, good(t, u))], (0, 7)),
        (lambda t, u, r: [(0.05, frame(t, u, b"\x03\x02\0\1")), (0.05, good(t, u))], (0, 7)),
        # Sent twice at once.
        (lambda t, u, r: [(0.05, good(t, u) * 2)], (0, 7)),
        # Only wrong ones.
        (lambda t, u, r: [(0.05, good(t, u + 1))], Silent),
        (lambda t, u, r: [(0.05, good(t ^ 0x0101, u))], Silent),
        (lambda t, u, r: [], Silent),
        (lambda t, u, r: [(0.5, frame(t, u, b"\x83\x0b"))], Silent),
        (lambda t, u, r: [(0.05, frame(t, u, b"\x83\x02"))], Rejected),
        # A stream that has lost its place.
        (lambda t, u, r: [(0.05, b"\xff" + good(t, u))], LinkLost),
        (lambda t, u, r: [(0.05, good(t, u)[:8])], LinkLost),
        (lambda t, u, r: [(0.05, good(t, u)[:10] + good(t, u))], LinkLost),
        (lambda t, u, r: [(0.05, good(t, u)[:10]), (0.1, good(t, u))], LinkLost),
        (lambda t, u, r: [(0.05, b"")], LinkLost),
    ],
)
def test_only_a_whole_matching_answer_becomes_a_value(script: Script, expected: Any) -> None:
    assert with_link(script, ask) == expected


def test_a_closed_connection_is_noticed_at_once() -> None:
    async def story(link: Link, peer: Peer) -> float:
        with pytest.raises(LinkLost):
            await link.transact(meter(5), READ)
        return asyncio.get_running_loop().time()

    assert with_link(lambda t, u, r: [(0.1, b"")], story) == pytest.approx(0.1, abs=0.01)


def test_a_late_answer_is_dropped_and_the_gateway_gets_more_time() -> None:
    state = {"late": True}

    def script(t: int, u: int, request: bytes) -> list[tuple[float, bytes]]:
        delay_s = 1.1 if state.pop("late", False) else 0.05
        return [(delay_s, good(t, u, 1 if delay_s > 1 else 2))]

    async def story(link: Link, peer: Peer) -> tuple[Any, Any, float]:
        before_s = link.limit_s(meter(5), READ)
        first = await ask(link, peer)
        second = await ask(link, peer)
        return first, second, link.limit_s(meter(5), READ) - before_s

    first, second, more_s = with_link(script, story)

    assert (first, second) == (Silent, (0, 2))
    assert 0.3 < more_s < 0.5


def test_the_echo_of_a_write_has_no_registers() -> None:
    async def story(link: Link, peer: Peer) -> Any:
        return await link.transact(meter(5), Write(0x0057, (1, 1)))

    assert with_link(lambda t, u, r: [(0.05, frame(t, u, r[:5]))], story) == ()


def test_no_wrong_value_in_many_faulty_transactions() -> None:
    """Late, doubled, crossed, cut and noisy answers, mixed from a seed; a value names its request."""
    chance = random.Random(11)
    past: list[bytes] = []

    def script(t: int, u: int, request: bytes) -> list[tuple[float, bytes]]:
        right = frame(t, u, b"\x03\x04" + u.to_bytes(2, "big") + t.to_bytes(2, "big"))
        wrong = chance.choice(past[-40:]) if past else b""
        past.append(right)
        cut = chance.randrange(1, len(right))
        noise = chance.randbytes(chance.randrange(1, 4))
        return chance.choice(
            [
                [(0.05, right)],
                [(0.05, right)],
                [(0.05, right)],
                [(0.9, right)],
                [(0.05, right + right)],
                [(0.05, wrong + right)],
                [(0.05, wrong or right)],
                [(0.05, right[:cut])],
                [(0.05, right[:cut]), (0.01, right)],
                [(0.05, right[:cut] + right)],
                [(0.05, noise + right)],
                [(0.05, right + noise)],
                [(0.05, right[:cut] + noise + right[cut:])],
                [],
            ]
        )

    async def story(link: Link, peer: Peer) -> tuple[int, int]:
        answered = wrong = 0
        for number in range(10_000):
            unit = 1 + number % 70
            try:
                first, second = await link.transact(meter(unit), READ)
            except Silent:
                continue
            except LinkLost:
                await link.connect()
                continue
            answered += 1
            # The transaction running when the answer was made is the last one sent.
            sent = past[-1]
            wrong += (first, second) != (unit, MBAP.unpack_from(sent)[0])
        return answered, wrong

    answered, wrong = with_link(script, story)

    assert answered > 3_000
    assert wrong == 0

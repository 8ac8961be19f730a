"""Answers late, doubled, noisy, broken, crossed and cut, and connections that swallow everything."""

import asyncio
import struct

import pytest

from common.clock import SystemClock, run_virtual
from common.streams import Streams, dial_tcp
from simulator.line import MODBUS_TCP, RTU_TCP
from simulator.mall import Mall
from simulator.rtu import crc
from simulator.wire_faults import WireFault, WireFaults
from tests.simulation_mall.master import connect, small_mall
from tests.simulation_mall.test_transparent import ANSWER_OF_17, ask, dial, read_request, rtu_mall


async def faulty(fault: str, rate: float = 1.0) -> tuple[Mall, Streams]:
    mall = rtu_mall()
    mall.switch_line("L1-1", fault, rate)
    return mall, await dial(mall)


def test_a_late_answer_comes_after_its_time_and_leaves_the_line_free_meanwhile() -> None:
    async def play() -> list[float]:
        mall, streams = await faulty("late")
        streams[1].write(read_request(1, 0, 17))
        await mall.clock.sleep(0.3)
        mall.switch_line("L1-1", "late", 0)
        times = []
        answer = await ask(streams, read_request(2, 0, 17), ANSWER_OF_17)
        assert answer[0] == 2
        times.append(mall.clock.monotonic())
        assert (await streams[0].readexactly(ANSWER_OF_17))[0] == 1
        return [*times, mall.clock.monotonic()]

    other_s, late_s = run_virtual(play)
    assert other_s == pytest.approx(0.3 + 0.086_25)
    assert late_s == pytest.approx(11.5 / 960 + 1.3 + 42.5 / 960)


def test_a_doubled_answer_comes_twice_and_each_takes_its_time() -> None:
    async def play() -> float:
        mall, streams = await faulty("doubled")
        twice = await ask(streams, read_request(1, 0, 17), 2 * ANSWER_OF_17)
        assert twice[:ANSWER_OF_17] == twice[ANSWER_OF_17:]
        return mall.clock.monotonic()

    assert run_virtual(play) == pytest.approx(0.086_25 + 42.5 / 960)


def test_a_broken_check_sum_is_wrong_and_nothing_else() -> None:
    async def play() -> bytes:
        _, streams = await faulty("crc")
        return await ask(streams, read_request(1, 0, 17), ANSWER_OF_17)

    answer = run_virtual(play)
    assert crc(answer[:-2]) != answer[-2:]


def test_noise_stands_before_an_answer_or_in_it() -> None:
    faults = WireFaults("seed")
    good = bytes(range(39))
    seen = [faults.disturb(good) for _ in range(200)]

    assert all(frame[1:] == good or (len(frame) == 39 and frame != good) for frame in seen)
    assert {len(frame) for frame in seen} == {39, 40}


def test_a_crossed_answer_is_another_meters_or_the_one_before() -> None:
    async def play() -> set[tuple[int, int]]:
        mall, streams = await faulty("crossed", 0.5)
        seen = set()
        for _ in range(40):
            streams[1].write(read_request(1, 0, 17))
            await mall.clock.sleep(1)
            streams[1].write(read_request(2, 0, 1))
            await mall.clock.sleep(1)
        data = await streams[0].read(100_000)
        while data:
            seen.add((data[0], data[2]))
            data = data[5 + data[2] :]
        return seen

    seen = run_virtual(play)
    assert {(1, 34), (2, 2)} < seen
    assert any(unit > 2 for unit, _ in seen)


def test_the_same_seed_draws_the_same_faults() -> None:
    def draws() -> list[WireFault | None]:
        faults = WireFaults("seed")
        faults.set("late", 0.1)
        faults.set("crc", 0.2)
        return [faults.draw() for _ in range(500)]

    assert draws() == draws()
    assert 20 < draws().count(WireFault.LATE) < 80
    assert 60 < draws().count(WireFault.CRC) < 140


@pytest.mark.parametrize(("name", "value"), [("late", True), ("late", 1.5), ("late_s", 0), ("slow", 0.1)])
def test_a_wrong_rate_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"wire|rates|late"):
        WireFaults("seed").set(name, value)


@pytest.mark.parametrize("protocol", [MODBUS_TCP, RTU_TCP])
def test_a_half_open_connection_swallows_everything_for_ever_and_a_new_one_works(protocol: str) -> None:
    async def play() -> None:
        mall = rtu_mall() if protocol == RTU_TCP else small_mall()
        request = (
            read_request(1, 0, 17) if protocol == RTU_TCP else struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, 17)
        )
        old = await dial(mall)
        mall.switch_line("L1-1", "half_open", True)
        new = await dial(mall)
        mall.switch_line("L1-1", "half_open", False)
        for streams in (old, new):
            with pytest.raises(TimeoutError):
                await ask(streams, request, 1, 60.0)
        await ask(await dial(mall), request, 39)

    run_virtual(play)


def test_modbus_tcp_knows_late_doubled_and_crossed_transactions() -> None:
    async def play() -> list[list[int]]:
        seen = []
        for fault in ("late", "doubled", "crossed"):
            mall = small_mall()
            reader, writer = (await connect(mall)).streams
            numbers = []
            for number in (1, 2, 3):
                mall.switch_line("L1-1", fault, 1.0 if number == 2 else 0)
                writer.write(struct.pack(">HHHBBHH", number, 0, 6, 1, 3, 0, 1))
                await mall.clock.sleep(0.5)
            await mall.clock.sleep(5)
            data = await reader.read(1000)
            numbers = [data[at + 1] for at in range(0, len(data), 11)]
            seen.append(numbers)
            await mall.close()
        return seen

    assert run_virtual(play) == [[1, 3, 2], [1, 2, 2, 3], [1, 1, 3]]


def test_modbus_tcp_hides_noise_behind_the_exception_of_a_silent_meter() -> None:
    async def play() -> bytes:
        mall = small_mall()
        mall.switch_line("L1-1", "noisy", 1.0)
        reader, writer = (await connect(mall)).streams
        writer.write(struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, 1))
        return await reader.readexactly(9)

    assert run_virtual(play)[-2:] == b"\x83\x0b"


def test_a_cut_modbus_tcp_frame_ends_the_connection() -> None:
    async def play() -> bytes:
        mall = small_mall()
        mall.switch_line("L1-1", "cut_frame", 1.0)
        reader, writer = (await connect(mall)).streams
        writer.write(struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, 1))
        return await reader.read()

    assert 0 < len(run_virtual(play)) < 11


async def test_on_sockets_a_half_open_gateway_never_ends_the_connection() -> None:
    mall = Mall.build(
        1, SystemClock(), shafts=1, lines_per_gateway=1, prepaid=3, public=0, protocols=(RTU_TCP,)
    )
    await mall.serve()
    line = mall.lines[0]
    try:
        mall.switch_line(line.code, "half_open", True)
        reader, writer = await dial_tcp(line.host, line.port)
        await mall.switch_gateway("G1", "gone", True)
        writer.write(read_request(1, 0, 17))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)
        writer.close()
    finally:
        await mall.close()

"""RTU over a transparent gateway: whole frames, their time on the wire, and silence."""

import asyncio
import struct

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient

from common.clock import LoopClock, SystemClock, run_virtual
from common.streams import Streams
from simulator.line import RTU_TCP
from simulator.mall import Mall
from simulator.rtu import crc, frame
from tests.simulation_mall.master import MORNING

ANSWER_OF_17 = 3 + 34 + 2


def rtu_mall(prepaid: int = 6) -> Mall:
    return Mall.build(
        1,
        LoopClock(MORNING),
        shafts=1,
        lines_per_gateway=1,
        prepaid=prepaid,
        public=0,
        protocols=(RTU_TCP,),
    )


async def dial(mall: Mall) -> Streams:
    return await mall.dial(mall.lines[0].host, mall.lines[0].port)


def read_request(unit: int, at: int, count: int) -> bytes:
    return frame(unit, struct.pack(">BHH", 3, at, count))


async def ask(streams: Streams, request: bytes, size: int, limit_s: float = 5.0) -> bytes:
    streams[1].write(request)
    return await asyncio.wait_for(streams[0].readexactly(size), limit_s)


def test_the_check_sum_is_that_of_the_textbook() -> None:
    # 01 03 00 00 00 0A C5 CD: a read of ten registers that every Modbus guide shows.
    assert crc(bytes.fromhex("01030000000A")) == bytes.fromhex("C5CD")


def test_a_read_of_17_registers_takes_86_25_ms_here_too() -> None:
    async def play() -> tuple[bytes, float]:
        mall = rtu_mall()
        answer = await ask(await dial(mall), read_request(1, 0, 17), ANSWER_OF_17)
        return answer, mall.clock.monotonic()

    answer, taken_s = run_virtual(play)
    assert answer[:3] == bytes([1, 3, 34])
    assert crc(answer[:-2]) == answer[-2:]
    assert taken_s == pytest.approx(0.086_25)


@pytest.mark.parametrize("request_", [read_request(99, 0, 17), read_request(1, 0, 17)[:-1] + b"\0"])
def test_another_address_or_a_wrong_check_sum_is_met_with_silence(request_: bytes) -> None:
    async def play() -> None:
        mall = rtu_mall()
        with pytest.raises(TimeoutError):
            await ask(await dial(mall), request_, 1)

    run_virtual(play)


def test_a_silent_meter_costs_the_line_its_request_alone() -> None:
    async def play() -> float:
        mall = rtu_mall()
        streams = await dial(mall)
        streams[1].write(read_request(99, 0, 17))
        await ask(streams, read_request(1, 0, 17), ANSWER_OF_17)
        return mall.clock.monotonic()

    assert run_virtual(play) == pytest.approx(11.5 / 960 + 0.086_25)


def test_every_connection_hears_every_answer() -> None:
    async def play() -> tuple[bytes, bytes]:
        mall = rtu_mall()
        first, second = await dial(mall), await dial(mall)
        answer = await ask(first, read_request(1, 0, 17), ANSWER_OF_17)
        return answer, await second[0].readexactly(ANSWER_OF_17)

    answer, overheard = run_virtual(play)
    assert answer == overheard


async def test_another_implementation_reads_over_it() -> None:
    mall = Mall.build(
        1, SystemClock(), shafts=1, lines_per_gateway=1, prepaid=3, public=0, protocols=(RTU_TCP,)
    )
    await mall.serve()
    line = mall.lines[0]
    client = AsyncModbusTcpClient(line.host, port=line.port, framer=FramerType.RTU, timeout=2, retries=0)
    try:
        assert await client.connect()
        await client.write_registers(0x57, [1, 1], device_id=2)
        answer = await client.read_holding_registers(0x57, count=2, device_id=2)
        assert answer.registers == [1, 1]
    finally:
        client.close()
        await mall.close()


def test_two_lines_of_one_port_are_told_apart_by_the_unit() -> None:
    async def play() -> tuple[list[int], float]:
        mall = Mall.build(
            1, LoopClock(MORNING), shafts=1, lines_per_gateway=3, prepaid=9, public=0, shared_shaft=1
        )
        first, second, third = mall.lines
        assert (first.port, third.port) == (second.port, second.port + 1)
        reader, writer = await mall.dial(first.host, first.port)
        for number, unit in enumerate((1, 4, 99), start=1):
            writer.write(struct.pack(">HHHBBHH", number, 0, 6, unit, 3, 0, 17))
        answers = [await reader.readexactly(9)]
        answers += [await reader.readexactly(43), await reader.readexactly(43)]
        return [answer[1] for answer in answers], mall.clock.monotonic()

    order, taken_s = run_virtual(play)
    assert order == [3, 1, 2]  # The unknown unit is refused at once; both lines work at the same time.
    assert taken_s == pytest.approx(0.086_25)

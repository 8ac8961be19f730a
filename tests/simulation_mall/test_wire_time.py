"""The time of frames on a line, against values computed by hand and the planning table."""

import asyncio

import pytest

from common.clock import run_virtual
from simulator.mall import Mall
from simulator.wire_time import LineTiming
from tests.simulation_mall.master import Master, Refusal, connect, on_virtual_time, small_mall

READ_PDU = 5


def read_answer_pdu(registers: int) -> int:
    return 2 + 2 * registers


@pytest.mark.parametrize(
    ("baud", "registers", "planned_ms"),
    [
        (2400, 48, 513),
        (4800, 48, 272),
        (9600, 48, 151),
        (19200, 48, 90),
        (9600, 17, 86),
        (9600, 28, 109),
        (9600, 1, 53),
    ],
)
def test_a_read_takes_the_planned_time(baud: int, registers: int, planned_ms: int) -> None:
    taken_s = LineTiming(baud).transaction_s(READ_PDU, read_answer_pdu(registers))

    assert round(taken_s * 1000) == planned_ms


def test_a_relay_write_takes_59_ms() -> None:
    # 13 + 8 characters and two silences of 3.5 at 10 bits each, 30 ms turnaround.
    assert LineTiming(9600).transaction_s(10, 5) == pytest.approx(28 * 10 / 9600 + 0.030)


def test_parity_makes_a_character_eleven_bits() -> None:
    assert LineTiming(9600, "E").characters_s(1) == pytest.approx(11 / 9600)


def test_above_19200_baud_the_silence_is_fixed() -> None:
    assert LineTiming(38400).frame_gap_s == 0.001_75


def test_an_impossible_line_is_refused() -> None:
    with pytest.raises(ValueError, match="not a line"):
        LineTiming(9600, "X")


def test_a_read_of_17_registers_ends_after_86_25_ms() -> None:
    async def scene(mall: Mall, master: Master) -> float:
        begun_s = mall.clock.monotonic()
        await master.read(1, 0, 17)
        return mall.clock.monotonic() - begun_s

    # (8 request + 39 answer + 2 × 3.5 silence) characters of 10 bits at 9600, and 30 ms.
    assert on_virtual_time(scene) == pytest.approx(0.086_25)


def test_a_silent_meter_costs_its_request_and_the_gateways_time_out() -> None:
    async def scene(mall: Mall, master: Master) -> tuple[int, float]:
        begun_s = mall.clock.monotonic()
        with pytest.raises(Refusal) as refused:
            await master.read(99, 0, 17)
        return refused.value.code, mall.clock.monotonic() - begun_s

    code, taken_s = on_virtual_time(scene)

    assert code == 0x0B
    assert taken_s == pytest.approx(11.5 * 10 / 9600 + 0.5)


def test_two_clients_of_one_line_wait_for_each_other() -> None:
    async def scene(mall: Mall, first: Master) -> tuple[float, float]:
        second = await connect(mall)
        ended: list[float] = []

        async def read(master: Master, unit: int) -> None:
            await master.read(unit, 0, 17)
            ended.append(mall.clock.monotonic())

        await asyncio.gather(read(first, 1), read(second, 2))
        return ended[0], ended[1]

    assert on_virtual_time(scene) == pytest.approx((0.086_25, 0.172_5))


def test_two_lines_work_at_the_same_time() -> None:
    async def play() -> float:
        mall = Mall.build(1, small_mall().clock, shafts=2, lines_per_gateway=1, prepaid=4, public=0)
        masters = [await connect(mall, number) for number in range(2)]
        await asyncio.gather(*(master.read(1, 0, 17) for master in masters))
        await mall.close()
        return mall.clock.monotonic()

    assert run_virtual(play) == pytest.approx(0.086_25)


def test_the_use_of_a_line_counts_frames_silences_and_turnarounds() -> None:
    async def scene(mall: Mall, master: Master) -> tuple[float, float, int, int]:
        code = mall.lines[0].code
        mall.mark_lines()
        for _ in range(10):
            await master.read(1, 0, 17)
        busy = mall.line_use(code).share
        mall.mark_lines()
        await master.read(1, 0, 17)
        with pytest.raises(Refusal):
            await master.read(99, 0, 17)
        await mall.clock.sleep(1 - 0.086_25 - 0.5 - 11.5 / 960)
        use = mall.line_use(code)
        assert use.elapsed_s == pytest.approx(1)
        return busy, use.busy_s, use.transactions, use.timeouts

    busy, some_s, transactions, timeouts = on_virtual_time(scene)

    assert busy == pytest.approx(1)
    assert some_s == pytest.approx(0.086_25 + 11.5 / 960)  # Waiting for a silent meter is not use.
    assert (transactions, timeouts) == (2, 1)


def test_the_use_grows_within_a_transaction() -> None:
    async def scene(mall: Mall, master: Master) -> float:
        mall.mark_lines()
        reading = asyncio.create_task(master.read(1, 0, 17))
        await mall.clock.sleep(0.040)
        busy_s = mall.line_use(mall.lines[0].code).busy_s
        await reading
        return busy_s

    assert on_virtual_time(scene) == pytest.approx(0.040)


def test_a_line_without_a_mark_has_no_use() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        with pytest.raises(ValueError, match="no mark"):
            mall.line_use(mall.lines[0].code)

    on_virtual_time(scene)

"""DL/T 645-2007 meters: frames against real ones and by hand, data, orders, refusals, time on the wire."""

import asyncio

import pytest

from simulator.dlt645 import build, parse
from simulator.dlt645_control import clock_bcd
from simulator.meter import DLT645_1P, DLT645_3P, PUBLIC
from simulator.time_line import DAY_US, to_us
from tests.simulation_mall.dlt_master import (
    ADDRESSES,
    CLOSE,
    HOLD,
    OPERATOR,
    PASSWORD,
    PERMIT,
    RELEASE,
    TRIP,
    Master,
    Refusal,
    play,
)


def test_a_frame_is_the_one_that_real_meters_see() -> None:
    # The trip frame that three projects agree on: level 02, password 000000, operator 0, command 1A.
    frame = build("000000000001", 0x1C, bytes.fromhex("02000000000000001A00000000010199"), preamble=0)

    assert frame[:8].hex() == "6801000000000068"
    assert frame[8:20].hex() == "1c1035333333333333334d33"
    assert frame[-2] == sum(frame[:-2]) % 256
    assert frame[-1] == 0x16
    heard = parse(b"\xfe\xfe" + frame)
    assert heard is not None
    assert (heard.address, heard.control, heard.data[8]) == ("000000000001", 0x1C, 0x1A)


def test_registers_are_what_the_truth_shows() -> None:
    async def scene(master: Master) -> None:
        block = await master.read(DLT645_3P, 0x0001FF00)
        total, by_period = master.mall.register_at(master.meter(DLT645_3P), master.mall.clock.now())
        values = [int(block[at : at + 4][::-1].hex()) * 10 for at in range(0, 20, 4)]
        assert values == pytest.approx([total, *by_period], abs=10)
        assert await master.number(DLT645_1P, 0x00010000) > 0

    play(scene)


def test_electrical_values_are_those_of_the_truth() -> None:
    async def scene(master: Master) -> None:
        serial = master.meter(DLT645_3P)
        power = await master.read(DLT645_3P, 0x0203FF00)
        assert len(power) == 12
        assert int(power[2::-1].hex()) // 10 == pytest.approx(master.mall.truth(serial).power_w, abs=2)
        assert len(await master.read(DLT645_3P, 0x0201FF00)) == 6
        assert len(await master.read(DLT645_3P, 0x0202FF00)) == 9
        assert 2170 <= await master.number(DLT645_1P, 0x02010100) <= 2230

    play(scene)


@pytest.mark.parametrize(
    "identifier", [0x0201FF00, 0x0202FF00, 0x02010200, 0x00900100, 0x0506013F, 0x12345678]
)
def test_a_single_phase_meter_refuses_what_it_does_not_have(identifier: int) -> None:
    async def scene(master: Master) -> int:
        with pytest.raises(Refusal) as refused:
            await master.read(DLT645_1P, identifier)
        return refused.value.byte

    assert play(scene) == 0x02


def test_a_trip_opens_the_contact_after_its_travel_and_a_close_closes_it() -> None:
    async def scene(master: Master) -> list[int]:
        seen = [await master.status(DLT645_1P)]
        for command in (TRIP, CLOSE):
            await master.order(DLT645_1P, command)
            seen.append(await master.status(DLT645_1P))
            await master.mall.clock.sleep(1)
            seen.append(await master.status(DLT645_1P))
        return [word & 0b101_0000 for word in seen]

    before, tripping, tripped, closing, closed = play(scene)
    assert before == 0
    assert tripping & 0x40
    assert tripped == 0x50
    assert not closing & 0x40
    assert closed == 0


def test_a_permitted_contact_waits_for_the_press() -> None:
    async def scene(master: Master) -> list[int]:
        serial = master.meter(DLT645_3P)
        seen = []
        await master.order(DLT645_3P, TRIP)
        await master.mall.clock.sleep(1)
        await master.order(DLT645_3P, PERMIT)
        await master.mall.clock.sleep(60)
        seen.append(await master.status(DLT645_3P) & 0x50)
        master.mall.switch_meter(serial, "press", True)
        await master.mall.clock.sleep(1)
        seen.append(await master.status(DLT645_3P) & 0x50)
        return seen

    assert play(scene) == [0x10, 0]


def test_a_meter_that_needs_the_press_refuses_the_direct_close() -> None:
    async def scene(master: Master) -> int:
        master.mall.switch_meter(master.meter(DLT645_3P), "needs_press", True)
        with pytest.raises(Refusal) as refused:
            await master.order(DLT645_3P, CLOSE)
        return refused.value.byte

    assert play(scene) == 0x01


def test_a_held_meter_refuses_a_trip_until_released() -> None:
    async def scene(master: Master) -> bool:
        await master.order(DLT645_1P, HOLD)
        assert await master.status(DLT645_1P) & 1 << 12
        with pytest.raises(Refusal):
            await master.order(DLT645_1P, TRIP)
        await master.order(DLT645_1P, RELEASE)
        await master.order(DLT645_1P, TRIP)
        await master.mall.clock.sleep(1)
        return master.mall.truth(master.meter(DLT645_1P)).relay_closed

    assert play(scene) is False


@pytest.mark.parametrize(
    ("wrong", "byte"),
    [
        ({"password": bytes.fromhex("02000001")}, 0x04),
        ({"operator": bytes.fromhex("01000000")}, 0x04),
        ({"until": bytes.fromhex("000010020326")[:6]}, 0x01),
    ],
)
def test_a_wrong_password_operator_or_deadline_moves_nothing(wrong: dict[str, bytes], byte: int) -> None:
    async def scene(master: Master) -> int:
        await master.mall.clock.sleep(1)  # Past 10:00:00 on 2 March 2026.
        with pytest.raises(Refusal) as refused:
            await master.order(DLT645_1P, TRIP, **wrong)
        await master.mall.clock.sleep(1)
        assert master.mall.truth(master.meter(DLT645_1P)).relay_closed
        return refused.value.byte

    assert play(scene) == byte


def test_a_public_meter_takes_no_orders_and_has_no_money() -> None:
    async def scene(master: Master) -> list[int]:
        seen = []
        with pytest.raises(Refusal) as refused:
            await master.order(PUBLIC, TRIP)
        seen.append(refused.value.byte)
        with pytest.raises(Refusal) as refused:
            await master.read(PUBLIC, 0x00900200)
        return [*seen, refused.value.byte]

    assert play(scene) == [0x04, 0x02]


def test_midnights_are_frozen_with_their_times() -> None:
    async def scene(master: Master) -> None:
        mall, serial = master.mall, master.meter(DLT645_1P)
        midnight_us = to_us(mall.clock.now()) // DAY_US * DAY_US
        for number in (1, 2, 62):
            frozen_us = midnight_us - (number - 1) * DAY_US
            assert await master.read(DLT645_1P, 0x05060000 + number) == clock_bcd(frozen_us)[1:]
            block = await master.read(DLT645_1P, 0x05060100 + number)
            total, by_period = mall.meters[serial].register_wh(frozen_us)
            values = [int(block[at : at + 4][::-1].hex()) * 10 for at in range(0, 20, 4)]
            assert values == [total, *by_period]

    play(scene)


def test_the_day_table_has_14_switches() -> None:
    async def scene(master: Master) -> list[tuple[int, ...]]:
        table = await master.read(DLT645_1P, 0x04010001)
        assert len(table) == 42
        return [tuple(int(f"{byte:02x}") for byte in table[at : at + 3]) for at in range(0, 42, 3)]

    first, second, *rest = play(scene)
    assert (first, second) == ((4, 0, 0), (3, 0, 8))  # Valley from 00:00, flat from 08:00.
    assert rest[-1] == (3, 0, 22)


def test_a_broadcast_moves_a_clock_by_five_minutes_at_most_and_once_a_day() -> None:
    async def scene(master: Master) -> list[int]:
        mall, seen = master.mall, []
        for profile, offset_s in ((DLT645_1P, 200), (DLT645_3P, 1200)):
            mall.switch_meter(master.meter(profile), "clock_offset_s", offset_s)
        for _ in range(2):
            now_us = to_us(mall.clock.now())
            master.streams[1].write(build("9" * 12, 0x08, clock_bcd(now_us)))
            await mall.clock.sleep(5)
            for profile in (DLT645_1P, DLT645_3P):
                offset_us = (
                    mall.meters[master.meter(profile)].clock_us(now_us := to_us(mall.clock.now())) - now_us
                )
                seen.append(round(offset_us / 1e6))
            mall.switch_meter(master.meter(DLT645_1P), "clock_offset_s", 100)
        return seen

    assert play(scene) == [0, 1200, 100, 1200]


def test_a_long_block_comes_in_frames_that_follow() -> None:
    async def scene(master: Master) -> bytes:
        whole = await master.read(DLT645_3P, 0x04010001)
        master.mall.switch_meter(master.meter(DLT645_3P), "frame_bytes", 20)
        identifier = (0x04010001).to_bytes(4, "little")
        control, data = await master.ask(DLT645_3P, 0x11, identifier)
        assert control == 0xB1
        pieces = data[4:]
        for number in (1, 2):
            control, data = await master.ask(DLT645_3P, 0x12, identifier + bytes([number]))
            assert (data[:4], data[-1]) == (identifier, number)
            pieces += data[4:-1]
            assert control == (0xB2 if number == 1 else 0x92)
        assert pieces == whole
        with pytest.raises(Refusal) as refused:
            await master.ask(DLT645_3P, 0x12, identifier + b"\x03")
        assert refused.value.byte == 0x02
        return pieces

    assert len(play(scene)) == 42


def test_a_wrong_sum_and_a_dead_meter_are_met_with_silence() -> None:
    async def scene(master: Master) -> None:
        frame = build(ADDRESSES[DLT645_1P], 0x11, (0x00010000).to_bytes(4, "little"))
        master.streams[1].write(frame[:-2] + bytes([frame[-2] ^ 1, 0x16]))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(master.streams[0].read(1), 5)
        master.mall.switch_meter(master.meter(DLT645_1P), "dead", True)
        with pytest.raises(TimeoutError):
            await master.read(DLT645_1P, 0x00010000)

    play(scene)


def test_a_read_takes_its_characters_at_2400_8e1_and_the_meters_delay() -> None:
    async def scene(master: Master) -> tuple[float, int]:
        begun_s = master.mall.clock.monotonic()
        await master.read(DLT645_3P, 0x0001FF00)
        return master.mall.clock.monotonic() - begun_s, master.mall.meters[master.meter(DLT645_3P)].preamble

    taken_s, preamble = play(scene)
    # Request 4 + 16, answer with 24 bytes of data; a silence of 3.5 characters after each; 11 bits each.
    assert taken_s == pytest.approx((20 + preamble + 36 + 7) * 11 / 2400 + 0.030)


def test_the_meter_clear_code_is_refused() -> None:
    async def scene(master: Master) -> int:
        with pytest.raises(Refusal) as refused:
            await master.ask(DLT645_1P, 0x1A, PASSWORD + OPERATOR)
        return refused.value.byte

    assert play(scene) == 0x01

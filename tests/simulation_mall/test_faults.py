"""Faults of meters, lines and gateways, as a collector sees them."""

import asyncio

import pytest

from common.clock import SystemClock
from common.streams import dial_tcp
from simulator.mall import Mall
from tests.simulation_mall.master import (
    Master,
    Refusal,
    connect,
    on_virtual_time,
    serial_of,
    u32,
    unit_of,
)


def test_a_dead_meter_is_silent_and_goes_on_counting() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "clothes")
        before = mall.truth(serial).energy_wh
        mall.switch_meter(serial, "dead", True)
        with pytest.raises(Refusal) as refused:
            await master.read(unit_of(mall, serial), 0, 17)
        await mall.clock.sleep(3600)
        mall.switch_meter(serial, "dead", False)
        words = await master.read(unit_of(mall, serial), 0, 17)

        assert refused.value.code == 0x0B
        assert mall.truth(serial).energy_wh > before
        assert u32(words, 0) * 10 >= before

    on_virtual_time(scene)


def test_a_cut_line_silences_its_meters() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        mall.switch_line(mall.lines[0].code, "cut", True)
        with pytest.raises(Refusal) as refused:
            await master.read(1, 0, 17)
        assert refused.value.code == 0x0B
        mall.switch_line(mall.lines[0].code, "cut", False)
        await master.read(1, 0, 17)

    on_virtual_time(scene)


def test_a_silent_gateway_accepts_and_never_answers() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        await mall.switch_gateway("G1", "silent", True)
        second = await connect(mall)
        for each in (master, second):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(each.read(1, 0, 17), 60)
        await mall.switch_gateway("G1", "silent", False)
        await second.read(1, 0, 17)

    on_virtual_time(scene)


def test_a_gateway_may_be_set_to_no_exceptions() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        await mall.switch_gateway("G1", "no_exceptions", True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(master.read(99, 0, 17), 60)
        assert len(await master.read(1, 0, 17)) == 17

    on_virtual_time(scene)


def test_a_gone_gateway_drops_connections_and_refuses_new_ones() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        await mall.switch_gateway("G1", "gone", True)
        with pytest.raises(asyncio.IncompleteReadError):
            await master.streams[0].readexactly(1)
        with pytest.raises(ConnectionRefusedError):
            await connect(mall)
        await mall.switch_gateway("G1", "gone", False)
        again = await connect(mall)
        assert len(await again.read(1, 0, 17)) == 17

    on_virtual_time(scene)


def test_nobody_listens_at_another_address() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        with pytest.raises(ConnectionRefusedError):
            await mall.dial("127.0.0.1", 1)

    on_virtual_time(scene)


def test_a_register_falls_once_and_counts_on() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "clothes")
        true_wh = mall.truth(serial).energy_wh
        before, _ = mall.register_at(serial, mall.clock.now())
        mall.switch_meter(serial, "falls_steps", 100)
        after, by_period = mall.register_at(serial, mall.clock.now())
        await mall.clock.sleep(7200)
        later, _ = mall.register_at(serial, mall.clock.now())

        assert after == before - 1000
        assert 0 <= after - sum(by_period) <= 40
        assert mall.truth(serial).energy_wh - true_wh == pytest.approx(later - after, abs=10)

    on_virtual_time(scene)


def test_a_register_jumps_and_the_truth_does_not() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "clothes")
        before = mall.truth(serial)
        mall.switch_meter(serial, "jumps_steps", 500_000)
        after = mall.truth(serial)

        assert after.register_wh == before.register_wh + 5_000_000
        assert after.energy_wh == before.energy_wh

    on_virtual_time(scene)


def test_an_overloaded_shop_draws_so_many_times_its_load() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "clothes")
        usual = mall.truth(serial).power_w
        mall.switch_meter(serial, "overload", 5)

        assert mall.truth(serial).power_w == pytest.approx(usual * 5, abs=5)
        assert (await master.read(unit_of(mall, serial), 0x0D, 1))[0] == pytest.approx(usual * 5, abs=5)
        mall.switch_meter(serial, "overload", 1)
        assert mall.truth(serial).power_w == usual

    on_virtual_time(scene)


def test_a_meters_clock_may_be_wrong() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "clothes")
        mall.switch_meter(serial, "clock_offset_s", -600)
        clock = await master.read(unit_of(mall, serial), 256 + 40, 4)
        assert (clock[2] & 0xFF, clock[3] >> 8) == (50, 0)  # 09:50:00 at ten.
        assert clock[2] >> 8 == 9

    on_virtual_time(scene)


@pytest.mark.parametrize(
    ("fault", "value"),
    [("dead", 1), ("overload", True), ("overload", 0), ("falls_steps", "3"), ("unknown", True)],
)
def test_a_wrong_switch_is_refused(fault: str, value: object) -> None:
    async def scene(mall: Mall, master: Master) -> None:
        with pytest.raises(ValueError, match=r"switch|load"):
            mall.switch_meter(next(iter(mall.meters)), fault, value)

    on_virtual_time(scene)


async def test_on_sockets_a_gone_gateway_refuses_and_comes_back_on_its_port() -> None:
    mall = Mall.build(1, SystemClock(), shafts=1, lines_per_gateway=1, prepaid=3, public=0)
    await mall.serve()
    line = mall.lines[0]
    try:
        master = Master(await dial_tcp(line.host, line.port))
        assert len(await master.read(1, 0, 17)) == 17

        await mall.switch_gateway("G1", "gone", True)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await master.streams[0].readexactly(1)
        master.streams[1].close()
        with pytest.raises(ConnectionRefusedError):
            await dial_tcp(line.host, line.port)

        await mall.switch_gateway("G1", "gone", False)
        assert mall.lines[0] == line
        again = Master(await dial_tcp(line.host, line.port))
        assert len(await again.read(1, 0, 17)) == 17
        again.streams[1].close()
    finally:
        await mall.close()


async def test_on_sockets_a_read_takes_the_lines_time() -> None:
    mall = Mall.build(1, SystemClock(), shafts=1, lines_per_gateway=1, prepaid=3, public=0)
    await mall.serve()
    line = mall.lines[0]
    try:
        master = Master(await dial_tcp(line.host, line.port))
        begun_s = mall.clock.monotonic()
        for _ in range(5):
            await master.read(1, 0, 17)
        taken_s = mall.clock.monotonic() - begun_s
        master.streams[1].close()
    finally:
        await mall.close()

    # Never faster than the wire, but for the half millisecond that timers are late by.
    assert taken_s >= 5 * 0.086_25 - 0.001

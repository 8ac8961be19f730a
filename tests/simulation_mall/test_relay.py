"""Relays: travel, report, and what faults make of them."""

import pytest

from simulator.mall import Mall
from simulator.relay import MAX_TRAVEL_US, MIN_TRAVEL_US, Relay
from tests.simulation_mall.master import Master, on_virtual_time, serial_of, u32, unit_of

CLOSED = 0b111 << 13
FORCED_OPEN = 0b111


async def shop(mall: Mall) -> tuple[str, int]:
    serial = serial_of(mall, "clothes")
    return serial, unit_of(mall, serial)


def test_the_echo_comes_before_the_contact_has_moved() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial, unit = await shop(mall)
        mall.meters[serial].relay.travel_us = 300_000

        await master.trip(unit)
        assert mall.truth(serial).relay_closed
        assert (await master.status(unit)) & (CLOSED | FORCED_OPEN) == CLOSED | FORCED_OPEN
        assert await master.read(unit, 0x57, 2) == (1, 1)

    on_virtual_time(scene)


def test_the_contact_moves_after_its_travel_time() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial, unit = await shop(mall)
        begun_at = mall.clock.now()

        await master.trip(unit)
        await mall.clock.sleep(0.5)

        moved_at = mall.truth(serial).relay_moved_at
        assert moved_at is not None
        # The order counts from the end of its frame: 13 characters and the silence, 17.2 ms.
        taken_us = (moved_at - begun_at).total_seconds() * 1e6
        assert taken_us == pytest.approx(mall.meters[serial].relay.travel_us + 16.5 / 960 * 1e6, abs=2)
        assert [move.closed for move in mall.relay_moves] == [False]

    on_virtual_time(scene)


def test_travel_times_differ_within_their_bounds() -> None:
    async def scene(mall: Mall, master: Master) -> list[int]:
        return [meter.relay.travel_us for meter in mall.meters.values()]

    travels = on_virtual_time(scene)

    assert all(MIN_TRAVEL_US <= travel <= MAX_TRAVEL_US for travel in travels)
    assert len(set(travels)) > 1


def test_an_open_relay_stops_the_register_and_a_restore_starts_it() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial, unit = await shop(mall)
        await master.trip(unit)
        await mall.clock.sleep(1)
        off = mall.truth(serial)
        await mall.clock.sleep(3600)
        still_off = mall.truth(serial)
        words = await master.read(unit, 0, 17)

        assert not off.relay_closed
        assert off.energy_wh == still_off.energy_wh
        assert off.power_w == 0
        assert words[0x0C] == words[0x0D] == 0
        assert words[0x0B] > 2000  # The supply side keeps its voltage: it proves nothing.

        await master.restore(unit)
        await mall.clock.sleep(3600)
        on = mall.truth(serial)
        assert on.relay_closed
        assert on.energy_wh > still_off.energy_wh

    on_virtual_time(scene)


def test_a_newer_order_stops_a_movement_under_way() -> None:
    relay = Relay(travel_us=100)
    relay.order(0, closed=False)
    relay.order(50, closed=True)

    assert relay.settle(1_000) is None
    assert relay.conducts


def test_the_same_order_again_does_not_begin_anew() -> None:
    relay = Relay(travel_us=100)
    relay.order(0, closed=False)
    relay.order(50, closed=False)

    assert relay.settle(1_000) == 100


def test_a_welded_relay_reports_open_while_current_flows() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial, unit = await shop(mall)
        mall.switch_meter(serial, "welded", True)
        await master.trip(unit)
        await mall.clock.sleep(1)

        assert (await master.status(unit)) & CLOSED == 0
        assert (await master.read(unit, 0x0D, 1))[0] > 0
        truth = mall.truth(serial)
        assert truth.relay_closed
        assert not truth.relay_reported

        mall.switch_meter(serial, "welded", False)
        assert not mall.truth(serial).relay_closed

    on_virtual_time(scene)


def test_a_stuck_relay_takes_orders_and_does_not_move() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial, unit = await shop(mall)
        mall.switch_meter(serial, "stuck", True)
        await master.trip(unit)
        await mall.clock.sleep(1)
        assert (await master.status(unit)) & (CLOSED | FORCED_OPEN) == CLOSED | FORCED_OPEN

        mall.switch_meter(serial, "stuck", False)
        await mall.clock.sleep(1)
        assert not mall.truth(serial).relay_closed

    on_virtual_time(scene)


def test_an_open_breaker_stops_the_current_and_not_the_relay() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial, unit = await shop(mall)
        mall.switch_meter(serial, "breaker_open", True)

        assert (await master.status(unit)) & CLOSED == CLOSED
        assert (await master.read(unit, 0x0D, 1)) == (0,)
        assert mall.truth(serial).relay_closed

    on_virtual_time(scene)


def test_given_back_to_its_own_money_a_meter_decides_by_it() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial, unit = await shop(mall)
        mall.switch_meter(serial, "own_money_fen", 0)
        assert mall.truth(serial).relay_closed  # Forced control holds it.

        await master.write(unit, 0x57, 0, 0)
        await mall.clock.sleep(1)
        assert not mall.truth(serial).relay_closed
        status = await master.status(unit)
        assert status & 0b10_1000 == 0b10_0000  # In arrears by its own money, not forced.
        assert u32(await master.read(unit, 0x4F, 2), 0) == 0

    on_virtual_time(scene)

"""What frames show, against the truth and the makers' tables."""

import struct

import pytest

from simulator.mall import Mall
from simulator.meter import DTSD1352, GENERIC, PUBLIC, MeterSpec
from simulator.time_line import to_us
from tests.simulation_mall.master import Master, Refusal, on_virtual_time, serial_of, u32, unit_of


@pytest.mark.parametrize("load_class", ["clothes", "restaurant", "lighting"])
def test_energy_registers_show_the_truth_in_hundredths(load_class: str) -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, load_class)
        await mall.clock.sleep(3600)
        heard_at = mall.clock.now()
        words = await master.read(unit_of(mall, serial), 0, 10)

        total, by_period = mall.register_at(serial, heard_at)
        truth = mall.truth(serial, heard_at)
        assert 0 <= u32(words, 0) * 10 - total <= 10
        for index, shown in enumerate(by_period):
            assert 0 <= u32(words, 2 + 2 * index) * 10 - shown <= 10
        ct = mall.meters[serial].spec.ct_ratio
        assert 0 <= truth.energy_wh - total * ct < 10 * ct
        assert sum(truth.by_period_wh) <= truth.energy_wh <= sum(truth.by_period_wh) + 4

    on_virtual_time(scene)


def test_a_single_phase_meter_shows_power_voltage_and_current() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "clothes")
        heard_at = mall.clock.now()
        words = await master.read(unit_of(mall, serial), 0, 17)

        assert words[0x0D] == mall.power_at(serial, heard_at)  # 0.001 kW
        assert 2170 <= words[0x0B] <= 2230  # 0.1 V
        # P = U · I · PF, as far as 0.01 A can say.
        volts, amperes, factor = words[0x0B] / 10, words[0x0C] / 100, words[0x10] / 1000
        assert volts * amperes * factor == pytest.approx(words[0x0D], abs=volts * 0.01 + 1)

    on_virtual_time(scene)


def test_a_meter_behind_transformers_shows_its_secondary_side() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "restaurant")
        heard_at = mall.clock.now()
        words = await master.read(unit_of(mall, serial), 256, 48)

        assert words[0] == 5  # DTSY1352
        assert words[20] == 30
        assert words[10] * 30 == pytest.approx(mall.power_at(serial, heard_at), abs=30)
        assert sum(words[7:10]) == pytest.approx(words[10], abs=3)

    on_virtual_time(scene)


def test_the_status_block_shows_energy_contacts_and_clock() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "clothes")
        heard_at = mall.clock.now()
        words = await master.read(unit_of(mall, serial), 256, 48)

        assert len(struct.pack(">48H", *words)) == 0x60
        assert words[0] == 7  # DDSY1352
        total, _ = mall.register_at(serial, heard_at)
        assert u32(words, 21) * 10 == pytest.approx(total, abs=10)
        assert words[36] == 0b1110_0000_0000_1000  # Contacts closed, forced mode on.
        clock = struct.pack(">4H", *words[40:44])
        assert tuple(clock[:7]) == (26, 3, 2, 1, 10, 0, 0)  # YY MM DD week hh mm ss

    on_virtual_time(scene)


def test_a_public_meter_shows_its_power_at_016a() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "lighting")
        assert mall.meters[serial].spec.profile == DTSD1352
        heard_at = mall.clock.now()
        words = await master.read(unit_of(mall, serial), 0x0164, 8)

        assert u32(words, 6) == mall.power_at(serial, heard_at)
        assert u32(words, 0) + u32(words, 2) + u32(words, 4) == pytest.approx(u32(words, 6), abs=3)

    on_virtual_time(scene)


def test_the_parameter_block_is_read_in_28_registers() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = serial_of(mall, "clothes")
        unit = unit_of(mall, serial)

        words = await master.read(unit, 0x0046, 28)
        assert words[0x57 - 0x46 : 0x59 - 0x46] == (1, 0)
        number = await master.read(unit, 0x0043, 3)
        assert struct.pack(">3H", *number).hex() == serial

    on_virtual_time(scene)


@pytest.mark.parametrize(
    ("at", "count"),
    [(0x0011, 1), (0x0000, 18), (0x0023, 1), (0x0062, 1), (0x0042, 2), (255, 1), (256, 49), (0xFFFF, 1)],
)
def test_a_hole_is_refused_with_exception_02(at: int, count: int) -> None:
    async def scene(mall: Mall, master: Master) -> int:
        with pytest.raises(Refusal) as refused:
            await master.read(1, at, count)
        return refused.value.code

    assert on_virtual_time(scene) == 0x02


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        (struct.pack(">BHH", 6, 0x57, 1), 0x01),  # Single writes are not documented for these meters.
        (struct.pack(">BHH", 4, 0, 1), 0x01),
        (struct.pack(">BHH", 3, 0, 0), 0x03),
        (struct.pack(">BHH", 3, 0, 126), 0x03),
        (struct.pack(">BH", 3, 0), 0x03),
        (struct.pack(">BHHBHH", 16, 0x57, 2, 3, 1, 1), 0x03),
        (struct.pack(">BHHBHH", 16, 0x57, 2, 4, 1, 2), 0x03),
        (struct.pack(">BHHBHH", 16, 0x58, 2, 4, 1, 1), 0x02),
        (struct.pack(">BHHBH", 16, 0x4A, 1, 2, 1), 0x02),
    ],
)
def test_a_wrong_request_gets_its_exception_and_moves_nothing(pdu: bytes, code: int) -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = next(iter(mall.meters))
        with pytest.raises(Refusal) as refused:
            await master.ask(1, pdu)
        await mall.clock.sleep(1)

        assert refused.value.code == code
        assert mall.truth(serial).relay_closed

    on_virtual_time(scene)


def test_a_public_meter_has_no_relay_to_write() -> None:
    async def scene(mall: Mall, master: Master) -> int:
        with pytest.raises(Refusal) as refused:
            await master.trip(unit_of(mall, serial_of(mall, "lighting")))
        return refused.value.code

    assert on_virtual_time(scene) == 0x02


def test_a_generic_meter_is_added_to_a_running_line() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        spec = MeterSpec("990000000001", 200, GENERIC, PUBLIC, "lift")
        with pytest.raises(Refusal):
            await master.read(200, 0, 17)
        meter = mall.add_meter(mall.lines[0].code, spec)
        words = await master.read(200, 0, 17)

        shown, _ = meter.register_wh(to_us(mall.clock.now()))
        assert u32(words, 0) * 10 == pytest.approx(shown, abs=10)
        with pytest.raises(ValueError, match="taken"):
            mall.add_meter(mall.lines[0].code, MeterSpec("990000000002", 200, GENERIC, PUBLIC, "lift"))

    on_virtual_time(scene)

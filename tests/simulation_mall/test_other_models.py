"""Meters that the reference mall does not have: ADF400L users, and one with float numbers under code 04."""

import struct
from typing import Any

import pytest

from simulator.mall import Mall
from simulator.meter import ADF400L_1P, ADF400L_3P, FLOAT32, PREPAID, PUBLIC, MeterSpec
from tests.simulation_mall.master import Master, Refusal, on_virtual_time, u32


def hang(mall: Mall, profile: str, **keys: Any) -> str:
    serial = "260399990001"
    spec = MeterSpec(
        serial=serial, unit=99, profile=profile, load_class="drinks", **{"kind": PREPAID, **keys}
    )
    mall.add_meter("L1-1", spec)
    return serial


def test_a_float_meter_is_read_with_code_04_alone() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = hang(mall, FLOAT32, kind=PUBLIC)
        truth = mall.truth(serial)
        answer = await master.ask(99, struct.pack(">BHH", 4, 0x0100, 6))
        single, double = struct.unpack(">fd", answer[2:])
        assert double * 1000 == pytest.approx(truth.register_wh, abs=10)
        assert single == pytest.approx(double, rel=1e-6)
        power_w = struct.unpack(">f", (await master.ask(99, struct.pack(">BHH", 4, 4, 2)))[2:])[0]
        assert power_w == pytest.approx(truth.power_w, abs=1)
        with pytest.raises(Refusal) as refused:
            await master.read(99, 0x0100, 2)
        assert refused.value.code == 0x01

    on_virtual_time(scene)


@pytest.mark.parametrize(
    ("profile", "energy_at", "status_at", "forced_at"),
    [(ADF400L_3P, 0x035E, 0x0369, 0x0804), (ADF400L_1P, 0x0306, 0x0311, 0x0801)],
)
def test_an_adf400l_user_shows_its_energy_and_obeys(
    profile: str, energy_at: int, status_at: int, forced_at: int
) -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = hang(mall, profile)
        assert u32(await master.read(99, energy_at, 2), 0) * 10 == mall.truth(serial).register_wh
        assert await master.read(99, status_at, 1) == (0x0300,)
        await master.write(99, forced_at, 2)
        await mall.clock.sleep(1)
        assert await master.read(99, status_at, 1) == (0,)
        assert not mall.truth(serial).relay_closed
        await master.write(99, forced_at, 1)
        await mall.clock.sleep(1)
        assert mall.truth(serial).relay_closed

    on_virtual_time(scene)


def test_an_adf400l_shows_its_phases_where_the_manual_says() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = hang(mall, ADF400L_3P)
        words = await master.read(99, 0x033F, 19)
        assert words[6] == pytest.approx(mall.truth(serial).power_w, abs=3)
        assert words[0x034D - 0x033F] == 950
        assert words[0x0351 - 0x033F] == 5000
        rates = await master.read(99, 0x0430, 8)
        assert u32(rates, 2) * 10 == mall.truth(serial).period_registers_wh[1]

    on_virtual_time(scene)


def test_a_load_trip_and_a_lost_forced_control_stand_in_the_status_block() -> None:
    async def scene(mall: Mall, master: Master) -> None:
        serial = next(iter(mall.meters))
        mall.switch_meter(serial, "load_trip", True)
        await mall.clock.sleep(1)
        word_36, word_37 = await master.read(1, 256 + 36, 2)
        assert word_36 >> 13 == 0
        assert (word_36 >> 4 & 1, word_37 & 0b1000) == (1, 0b1000)
        await master.restore(1)
        await mall.clock.sleep(1)
        assert await master.status(1) >> 13 == 0b111
        assert not await master.status(1) & 1 << 4

        mall.switch_meter(serial, "own_mode", True)
        assert await master.read(1, 0x57, 2) == (0, 0)
        mall.switch_meter(serial, "own_money_fen", -1)
        await mall.clock.sleep(1)
        assert not mall.truth(serial).relay_closed

    on_virtual_time(scene)

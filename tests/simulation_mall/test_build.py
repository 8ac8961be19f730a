"""The reference mall, the same from every seed and in every process."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from common.clock import LOCAL_ZONE, ManualClock
from simulator.mall import Mall
from simulator.meter import DDSY1352, DTSD1352, DTSY1352, PREPAID, PUBLIC
from simulator.time_line import SLOT_US, to_us
from tests.simulation_mall.master import MORNING

DAYS_SEEN = 14

# A digest of the mall's list and of what each register shows at one instant.
DIGEST = """
import hashlib
from common.clock import ManualClock
from simulator.mall import Mall
from tests.simulation_mall.master import MORNING
mall = Mall.build({seed}, ManualClock(MORNING))
told = repr((mall.shops, mall.shafts, [mall.truth(serial) for serial in mall.meters]))
print(hashlib.sha256(told.encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def mall() -> Mall:
    return Mall.build(1, ManualClock(MORNING), mixed=False)


def digest(seed: int, hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", DIGEST.format(seed=seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_reference_mall_has_five_shafts_with_300_and_50_meters(mall: Mall) -> None:
    kinds = Counter(meter.spec.kind for meter in mall.meters.values())

    assert kinds == {PREPAID: 300, PUBLIC: 50}
    assert len(mall.shafts) == len(mall.gateways) == 5
    assert len(mall.lines) == 15
    assert {len(mall.line(line.code).meters) for line in mall.lines} == {23, 24}
    assert {meter.spec.profile for meter in mall.meters.values()} == {DDSY1352, DTSY1352, DTSD1352}


def test_addresses_count_from_one_on_each_line(mall: Mall) -> None:
    for line in mall.lines:
        units = list(mall.line(line.code).meters)
        assert units == list(range(1, len(units) + 1))


def test_every_shop_has_one_meter_and_its_own_words(mall: Mall) -> None:
    shops = [meter.spec.shop for meter in mall.meters.values() if meter.spec.shop]

    assert sorted(shops) == sorted(shop.code for shop in mall.shops)
    for words in ("code", "name", "contact_phone"):
        assert len({getattr(shop, words) for shop in mall.shops}) == 300, words
    assert len({meter.spec.place for meter in mall.meters.values() if meter.spec.place}) == 50


def test_no_shop_draws_more_than_its_meter_is_rated_for(mall: Mall) -> None:
    limits = {shop.code: shop.power_limit_w for shop in mall.shops}
    start = to_us(MORNING)
    for meter in mall.meters.values():
        slots = range(start, start + DAYS_SEEN * 96 * SLOT_US, SLOT_US)
        peak_w = max(meter.load.power_mw(us) for us in slots) // 1000
        assert peak_w < 0.75 * meter.spec.rated_power_w, meter.spec
        limit_w = limits.get(meter.spec.shop or "")
        assert limit_w is None or peak_w < limit_w, meter.spec


def test_shops_draw_more_by_day_than_by_night(mall: Mall) -> None:
    day = sum(mall.power_at(serial, MORNING + timedelta(hours=4)) for serial in mall.meters)
    night = sum(mall.power_at(serial, MORNING + timedelta(hours=18)) for serial in mall.meters)
    assert (MORNING + timedelta(hours=4)).astimezone(LOCAL_ZONE).hour == 14

    assert day > 1.5 * night


def test_forty_days_of_registers_fit_what_frames_show_later(mall: Mall) -> None:
    for serial in list(mall.meters)[::50]:
        shown = [mall.register_at(serial, MORNING + timedelta(hours=h))[0] for h in range(-960, 1)]

        assert shown == sorted(shown)
        assert shown[-1] == mall.truth(serial).register_wh
        used_nj = sum(mall.energy_between_nj(serial, MORNING - timedelta(hours=960), MORNING))
        ct = mall.meters[serial].spec.ct_ratio
        assert abs((shown[-1] - shown[0]) * ct - used_nj / 3.6e12) <= 10 * ct


def test_one_seed_makes_one_mall_whatever_the_hashes() -> None:
    first = digest(1, "0")

    assert first == digest(1, "12345")
    assert first != digest(2, "0")
    here = Mall.build(1, ManualClock(MORNING))
    told = repr((here.shops, here.shafts, [here.truth(s) for s in here.meters]))
    assert first.strip() == hashlib.sha256(told.encode()).hexdigest()


def test_a_line_for_a_benchmark_holds_seventy_meters() -> None:
    mall = Mall.build(1, ManualClock(MORNING), shafts=1, lines_per_gateway=1, prepaid=70, public=0)

    assert list(mall.line("L1-1").meters) == list(range(1, 71))


def test_too_many_meters_for_a_line_are_refused() -> None:
    with pytest.raises(ValueError, match="247"):
        Mall.build(1, ManualClock(MORNING), shafts=1, lines_per_gateway=1, prepaid=248, public=0)


def test_before_the_time_line_there_is_nothing(mall: Mall) -> None:
    with pytest.raises(ValueError, match="begins"):
        mall.register_at(next(iter(mall.meters)), MORNING - timedelta(days=2000))


def test_registers_wait_for_the_installation() -> None:
    clock = ManualClock(MORNING)
    mall = Mall.build(1, clock, started_at=MORNING, shafts=1, prepaid=3, public=0)
    serial = next(iter(mall.meters))
    before = mall.register_at(serial, MORNING - timedelta(days=1))

    assert before == mall.register_at(serial, MORNING)
    assert mall.register_at(serial, MORNING + timedelta(days=1))[0] > before[0]

"""Midnights, another ratio, another price, slips and repeats in one outage: energy and money stay exact.

Whatever comes in which batch: all accruals together are the difference of the first and last accepted
register, each part by the ratio of its time, each interval priced once by the tariff of its time.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from backend.domain.charging import price_interval
from backend.models.meters import RatioChange
from backend.services.cut_day import cut_day
from backend.services.decide_register import decide_register
from backend.services.ratio_changes import RatioBody, ask_ratio_change, decide_ratio_change, report_replaced
from backend.services.tariff_book import versions_by_tariff
from backend.store import rows
from common.units import Wh
from common.wire import FrozenDay, Reading
from tests.services.mall import SmallMall, small_mall
from tests.services.site import site_text

pytestmark = pytest.mark.mariadb
DEARER = """
[[tariffs.versions]]
valid_from = "2026-03-04"
components = [{ kind = "energy", name = "上网电价", price = "0.57", floats = true }]
float_percent = { peak = 160, flat = 100, valley = 40 }
slots = ["00:00 valley", "08:00 flat", "10:00 peak", "13:00 flat", "17:00 peak", "22:00 flat"]
[[shafts]]
"""
SLIP_WH = 900_000


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


class Course:
    """What the register really shows: a random course, never beyond what the meter can carry."""

    def __init__(self, rng: Random, begin_at: datetime) -> None:
        self._rng, self._at, self._wh = rng, begin_at, 1_000_000

    def until(self, instant: datetime) -> int:
        hours = (instant - self._at) / timedelta(hours=1)
        self._wh += self._rng.randrange(0, 1 + int(5_000 * hours))
        self._at = instant
        return self._wh


async def exact(mall: SmallMall) -> None:
    """Compare what is accrued and charged with the accepted registers, priced here."""
    meter, account = await mall.meter(), await mall.account()
    versions = (await versions_by_tariff(mall.site_id))[account.tariff_id]
    change = await RatioChange.get_or_none(applied_at__isnull=False)
    found = await rows(
        "SELECT read_at_ms, register_wh FROM reading WHERE meter_id = ? AND verdict IN ('first', 'accepted')"
        " ORDER BY read_at_ms",
        [meter.id],
    )
    energy = cost = 0
    for before, after in pairwise(found):
        begin, end = (datetime.fromtimestamp(row["read_at_ms"] / 1000, UTC) for row in (before, after))
        by_new = change is not None and change.applied_at is not None and end > change.applied_at
        wh = (after["register_wh"] - before["register_wh"]) * (2 if by_new else 1)
        energy += wh
        cost += price_interval(versions, begin, end, Wh(wh)).total_nano
    for table, name in (("accrual", "total_nano"), ("usage_day", "cost_nano"), ("usage_hour", "cost_nano")):
        (row,) = await rows(
            f"SELECT SUM(energy_wh) AS wh, SUM({name}) AS nano FROM {table} WHERE meter_id = ?", [meter.id]
        )
        assert (int(row["wh"]), int(row["nano"])) == (energy, cost), table
    await cut_day(mall.ctx, mall.site_id, at("2026-03-06T00:00:00").date())
    account, state = await mall.account(), await mall.state()
    assert (state.accrued_nano, state.accrued_wh) == (0, 0)
    assert -account.settled_fen * 10_000_000 + account.carried_nano == cost


@pytest.mark.parametrize("seed", range(8))
async def test_energy_and_money_of_an_outage_are_exact(store: str, tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    text = site_text(1).replace("[[shafts]]\n", DEARER, 1)
    mall = await small_mall(tmp_path, text=text)
    mall.clock.move_to(at("2026-03-02T22:00:00"))
    meter, course = await mall.meter(), Course(rng, mall.clock.now())
    await mall.push(mall.reading(meter, course.until(mall.clock.now())))
    body = RatioBody(ct_ratio=2, rated_power_w=26_400, replaced=rng.random() < 0.7, reason="更换互感器")
    frozen: list[FrozenDay] = []
    boundary_at = at("2026-03-02T23:00:00") + timedelta(minutes=rng.randrange(0, 3_000))
    steps = sorted([boundary_at, *(at(f"2026-03-0{day}T00:00:00") for day in (3, 4, 5))])
    for instant in steps:
        register_wh = course.until(instant)
        if instant == boundary_at:
            mall.clock.move_to(instant)
            number = int(await ask_ratio_change(mall.as_staff(5), meter.id, body))
            await decide_ratio_change(mall.as_staff(6), number, granted=True)
            if body.replaced:
                await report_replaced(mall.as_staff(5), number, register_wh)
        elif rng.random() < 0.8:
            shown = register_wh if rng.random() < 0.8 else register_wh + rng.choice([-400_000, SLIP_WH])
            frozen.append(FrozenDay(at=instant, register_wh=shown))
    readings: list[Reading] = []
    instant = at("2026-03-05T08:00:00")
    for step in range(8):
        instant += timedelta(seconds=rng.randrange(20, 4_000))
        good_wh = course.until(instant)
        slips = step < 7 and rng.random() < 0.3
        shown = good_wh + rng.choice([-300_000, SLIP_WH]) if slips else good_wh
        kept = tuple(frozen) if step == 0 else ()
        readings.append(mall.reading(meter, shown, read_at=instant, frozen=kept))
    mall.clock.move_to(instant)
    while readings:
        size = rng.randrange(1, 4)
        batch, readings = readings[:size], readings[size:]
        for _ in range(rng.randrange(1, 3)):  # Delivered at least once.
            await mall.push(*batch)
        if rng.random() < 0.3:
            await decide(mall, rng)
    while (await mall.state()).quarantined_at is not None:
        await decide(mall, rng)

    await exact(mall)


async def decide(mall: SmallMall, rng: Random) -> None:
    """A person says of the oldest doubtful reading what is true: a slip is wrong, the rest is right."""
    state = await mall.state()
    if state.quarantined_at is None:
        return
    found = await rows(
        "SELECT read_at_ms, register_wh FROM reading WHERE meter_id = ? AND verdict IN ('jumped', 'fallen')"
        " AND kind <> 'frozen' AND read_at_ms > ? ORDER BY read_at_ms",
        [state.meter_id, round(state.read_at.timestamp() * 1000) if state.read_at else 0],
    )
    chosen = rng.choice(found)
    is_right = (state.register_wh or 0) <= chosen["register_wh"] < 1_000_000 + SLIP_WH
    read_at = datetime.fromtimestamp(chosen["read_at_ms"] / 1000, UTC)
    await decide_register(mall.as_staff(7), state.meter_id, read_at, accept=is_right, reason="核对")

"""A batch of readings meets a meter change in the same moment: nothing is charged to a meter that is gone."""

from collections.abc import Iterable

import pytest

from backend.models.meters import Meter
from backend.models.operations import Collector
from backend.services import take_readings
from backend.services.meter_changes import Replacement, ask_change, decide_change
from backend.services.own_meters import own_meters
from backend.store import rows
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


async def test_a_meter_that_is_replaced_while_its_reading_comes_in_is_charged_no_more(
    mall: SmallMall, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mall.read()
    old = await mall.meter()
    asked = await ask_change(
        mall.as_staff(5),
        old.id,
        Replacement(serial="NEW1", register_wh=0),
        reason="烧表",
        old_register_wh=None,
        changed_at=None,
        confirmed=False,
    )
    looks = 0

    async def look_then_replace(collector: Collector, meter_ids: Iterable[str]) -> dict[str, Meter]:
        nonlocal looks
        looks += 1
        found = await own_meters(collector, meter_ids)
        if looks == 1:
            await decide_change(mall.as_staff(6), int(asked), granted=True)
        return found

    monkeypatch.setattr(take_readings, "own_meters", look_then_replace)
    mall.clock.advance(60)
    answer = await mall.push(mall.reading(old, 1_000_100))

    assert (looks, list(answer.refused)) == (2, [str(old.id)])
    assert (await rows("SELECT SUM(energy_wh) AS n FROM accrual"))[0]["n"] is None
    assert (await mall.state()).register_wh == 0

"""Rows read many at a time are what Tortoise itself would have made of them."""

from typing import Any

import pytest
from tortoise.models import Model

from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.operations import Collector
from backend.models.supply import Supply
from backend.services.locks import lock_accounts, lock_states_of
from backend.store import unit_of_work
from backend.store_rows import marks, whole_rows
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


def typed(row: Model) -> dict[str, tuple[type, Any]]:
    return {name: (type(value), value) for name, value in vars(row).items()}


@pytest.mark.parametrize("model", [Account, Meter, MeterState, Collector, Supply])
async def test_whole_rows_are_the_models_that_a_filter_gives(mall: SmallMall, model: type[Model]) -> None:
    await mall.pay(50_000)
    await mall.contact()
    await mall.read(power_w=100, voltage_mv=(220_000, 0, 0), forced=True)
    key = model._meta.pk_attr

    found = await whole_rows(model, f"{key} > ? ORDER BY {key}", [0])

    assert found
    assert [typed(row) for row in found] == [typed(row) for row in await model.all().order_by(key)]


async def test_a_whole_row_is_changed_and_saved_like_any_other(mall: SmallMall) -> None:
    meter = await mall.meter()
    (row,) = await whole_rows(MeterState, f"meter_id IN ({marks([1])})", [meter.id])

    row.power_w = 4_321
    await row.save(update_fields=["power_w"])

    assert (await mall.state()).power_w == 4_321


async def test_rows_are_locked_in_the_order_of_their_ids(mall: SmallMall) -> None:
    accounts = [(await mall.account(shop)).id for shop in ("A003", "A001")]
    meters = [(await mall.meter("A002")).id]

    async def work() -> tuple[list[int], list[int]]:
        locked = await lock_accounts(accounts)
        return [row.id for row in locked], [row.meter_id for row in await lock_states_of(meters, accounts)]

    locked, states = await unit_of_work(work)

    assert locked == sorted(accounts)
    assert states == sorted([*meters, (await mall.meter("A001")).id, (await mall.meter("A003")).id])

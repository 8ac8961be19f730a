"""The first steps: one list by right, ticked by what the person did and by what the site has."""

import pytest

from backend.context import Context
from backend.models.operations import Alarm
from backend.models.people import Role, Staff, StaffRole
from backend.models.supply import ReadRequest
from backend.services.alarm_book import raise_alarm
from backend.services.first_steps import show_first_steps
from backend.services.permissions import SEEDED_ROLES, seed_roles
from backend.services.practice_shop import make_practice_shop
from tests.services.mall import SmallMall
from tests.services.test_counter import pay

pytestmark = pytest.mark.mariadb
RIGHTS = {role.code: role.permissions for role in SEEDED_ROLES}


async def ticks(ctx: Context) -> dict[str, bool | None]:
    return {one.key: one.done for one in (await show_first_steps(ctx)).steps}


def of_role(mall: SmallMall, role: str, number: int = 5) -> Context:
    return mall.as_staff(number, *RIGHTS[role])


async def hire(mall: SmallMall, role: str, number: int) -> None:
    name = f"{role}{number}"
    await Staff.create(id=number, site_id=mall.site_id, username=name, name=name, password_hash="-")
    row = await Role.get(site_id=mall.site_id, code=role)
    await StaffRole.create(id=mall.ctx.ids.new(), staff_id=number, role_id=row.id)


async def test_each_role_has_a_short_list_of_its_own(mall: SmallMall) -> None:
    lists = {role: list(await ticks(of_role(mall, role))) for role in RIGHTS}

    assert {role: len(keys) for role, keys in lists.items()} == {
        "cashier": 4,
        "finance": 5,
        "electrician": 5,
        "manager": 5,
        "administrator": 5,
    }
    assert len({key for keys in lists.values() for key in keys}) == 24
    assert await ticks(mall.as_staff(5, "staff.board")) == {}


async def test_a_step_without_the_right_is_left_out(mall: SmallMall) -> None:
    rights = [name for name in RIGHTS["cashier"] if name != "staff.account.open"]

    assert "opening_page" not in await ticks(mall.as_staff(5, *rights))


async def test_practising_is_ticked_for_whoever_did_it(mall: SmallMall) -> None:
    (waiting, *_) = (await show_first_steps(of_role(mall, "cashier"))).steps
    assert (waiting.to, waiting.done) == ("", False)
    shop = await make_practice_shop(of_role(mall, "manager"))
    assert (await ticks(of_role(mall, "manager")))["practice_shop"] is True

    await pay(mall, shop="练习", staff=5)

    (done, *_) = (await show_first_steps(of_role(mall, "cashier"))).steps
    assert (done.to, done.done) == (f"/counter?account={shop.account_id}", True)
    assert (await ticks(of_role(mall, "cashier", number=6)))["practice_top_up"] is False


async def test_money_of_a_real_shop_is_no_practice(mall: SmallMall) -> None:
    await pay(mall, staff=5)

    assert (await ticks(of_role(mall, "cashier")))["practice_top_up"] is False


async def test_an_electricians_own_work_is_ticked(mall: SmallMall) -> None:
    await raise_alarm(mall.ctx, mall.site_id, "meter_silent", "x:1", "电表离线")
    await Alarm.all().update(acknowledged_by=5)
    now = mall.clock.now()
    await ReadRequest.create(
        id=mall.ctx.ids.new(),
        site_id=mall.site_id,
        meter_id=(await mall.meter()).id,
        purpose="staff",
        asked_by=6,
        asked_at=now,
        due_at=now,
        expires_at=now,
        answered_at=now,
    )

    mine, others = await ticks(of_role(mall, "electrician")), await ticks(of_role(mall, "electrician", 6))

    assert (mine["own_alarm"], mine["own_read"]) == (True, False)
    assert (others["own_alarm"], others["own_read"]) == (False, True)
    assert mine["board_page"] is None


async def test_the_administrator_sees_who_is_missing(mall: SmallMall) -> None:
    await seed_roles(mall.ctx, mall.site_id)
    for number, role in enumerate(("cashier", "electrician", "manager", "administrator"), start=50):
        await hire(mall, role, number)
    before = (await show_first_steps(of_role(mall, "administrator"))).steps
    assert (before[0].detail, before[0].done, before[1].done) == ("还没有人：财务", False, False)

    await hire(mall, "finance", 60)
    await hire(mall, "administrator", 61)

    after = await ticks(of_role(mall, "administrator"))
    assert (after["every_role"], after["two_administrators"], after["shafts_built"]) == (True, True, True)
    assert (await ticks(of_role(mall, "manager")))["two_approvers"] is True
    await Staff.filter(id=60).update(disabled_at=mall.clock.now())
    assert (await ticks(of_role(mall, "administrator")))["every_role"] is False


async def test_lines_answer_once_each_was_heard(mall: SmallMall) -> None:
    assert (await ticks(of_role(mall, "administrator")))["lines_answer"] is False

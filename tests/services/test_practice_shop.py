"""The practice shop and the codes at shops' doors."""

import asyncio

import pytest

from backend.errors import NotFound
from backend.models.accounts import Account
from backend.models.openings import DoorCode
from backend.models.site import Shop
from backend.services.door_codes import reissue_door_code
from backend.services.practice_shop import make_practice_shop, show_practice_shop
from backend.services.show_board import show_board
from backend.services.show_opening import show_choices
from tests.services.mall import SmallMall
from tests.services.openings import clerk

pytestmark = pytest.mark.mariadb


async def test_the_practice_shop_is_made_once_and_never_armed(mall: SmallMall) -> None:
    manager = mall.as_staff(5)
    assert (await show_practice_shop(manager)).account_id is None

    await asyncio.gather(make_practice_shop(manager), make_practice_shop(manager))

    (shop,) = await Shop.filter(practice=True)
    account = await Account.get(shop_id=shop.id, closed_at=None)
    assert (shop.code, account.armed, account.settled_fen) == ("练习", False, 0)
    assert (await show_practice_shop(manager)).account_id == str(account.id)


async def test_starting_over_gives_an_empty_account(mall: SmallMall) -> None:
    first = await make_practice_shop(mall.as_staff(5))
    await Account.filter(id=int(first.account_id or 0)).update(settled_fen=500)

    second = await make_practice_shop(mall.as_staff(5))

    assert (second.account_id != first.account_id, second.settled_fen) == (True, 0)
    assert (await Account.get(id=int(first.account_id or 0))).closed_at is not None


async def test_no_list_of_shops_counts_it(mall: SmallMall) -> None:
    await make_practice_shop(mall.as_staff(5))

    board = await show_board(mall.as_staff(5))

    assert "练习" not in [row.shop_code for row in board.rows]
    assert "练习" not in [one.code for one in (await show_choices(clerk(mall))).shops]


async def test_a_code_in_use_is_left_to_its_shop(mall: SmallMall) -> None:
    await Shop.filter(code="A001").update(code="练习")

    assert (await make_practice_shop(mall.as_staff(5))).shop_code == "练习商铺"


async def test_a_reissued_door_code_ends_the_one_before(mall: SmallMall) -> None:
    shop = await Shop.get(code="A001")
    first = await reissue_door_code(clerk(mall), shop.id, "首次张贴")

    second = await reissue_door_code(clerk(mall), shop.id, "门铺码损坏")

    assert first.code != second.code
    assert len(second.code.replace("-", "")) * 5 >= 50
    (standing,) = await DoorCode.filter(standing_key__isnull=False)
    assert second.link.endswith(f"/d/{standing.code}")
    assert await DoorCode.filter(revoked_at__isnull=False).count() == 1


async def test_a_shop_that_is_not_there_gets_no_code(mall: SmallMall) -> None:
    with pytest.raises(NotFound):
        await reissue_door_code(clerk(mall), 1, "试一试")

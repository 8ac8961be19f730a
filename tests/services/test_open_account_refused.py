"""What keeps an account from being opened: said on the field, and nothing is half done."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from backend.errors import Invalid
from backend.models.ledger import Entry
from backend.models.openings import AccountOpening
from backend.models.site import Shop
from backend.services.open_account import OpeningReused, open_account
from tests.services.mall import SmallMall
from tests.services.openings import (
    SAME_REQUEST,
    clerk,
    free,
    of,
    opened,
    read,
    vacate,
    wizard,
)

pytestmark = pytest.mark.mariadb
PEAK = 952_000


async def refused(mall: SmallMall, *meters: dict[str, Any], **more: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        await opened(mall, *meters, **more)
    assert await AccountOpening.all().count() == 0
    return caught.value.fields or {}


async def test_the_same_request_with_another_content_is_refused(mall: SmallMall) -> None:
    meter = await free(mall)
    await opened(mall, of(meter), request_id=str(SAME_REQUEST))

    with pytest.raises(OpeningReused):
        await opened(mall, of(meter), request_id=str(SAME_REQUEST), tenant_name="别人")


async def test_two_clerks_cannot_both_have_a_meter(mall: SmallMall) -> None:
    meter = await free(mall)
    one = await wizard(mall, of(meter))
    other = await wizard(mall, of(meter), shop={"code": "B102", "name": "另一家"})

    results = await asyncio.gather(
        open_account(clerk(mall), one), open_account(clerk(mall, number=12), other), return_exceptions=True
    )

    (lost,) = [item for item in results if isinstance(item, BaseException)]
    assert isinstance(lost, Invalid) and lost.fields is not None
    assert "计费" in lost.fields["meters.0.meter_id"]
    assert await AccountOpening.all().count() == 1
    assert await Shop.filter(code__in=["B101", "B102"]).count() == 1


async def test_a_meter_in_use_is_refused(mall: SmallMall) -> None:
    fields = await refused(mall, of(await mall.meter("A001")))

    assert "正在为 A001" in fields["meters.0.meter_id"]


async def test_a_meter_whose_former_shop_is_not_settled_is_refused(mall: SmallMall) -> None:
    await mall.read("A003")
    mall.clock.advance(600)
    await mall.read("A003", used_wh=500)
    meter = await vacate(mall, settled=False)

    fields = await refused(mall, of(meter))

    assert "未结算" in fields["meters.0.meter_id"]


async def test_an_old_register_is_read_again_first(mall: SmallMall) -> None:
    meter = await free(mall)
    mall.clock.advance(601)

    assert "立即抄表" in (await refused(mall, of(meter)))["meters.0.register_wh"]


async def test_a_meter_that_was_never_read_needs_a_register(mall: SmallMall) -> None:
    meter = await vacate(mall)

    assert "还没有抄到过" in (await refused(mall, of(meter)))["meters.0.register_wh"]


async def test_a_register_in_doubt_is_decided_first(mall: SmallMall) -> None:
    meter = await free(mall)
    mall.clock.advance(60)
    await read(mall, meter, 4_000_000)

    assert "待核" in (await refused(mall, of(meter)))["meters.0.meter_id"]


async def test_a_typed_register_below_what_was_read_is_refused(mall: SmallMall) -> None:
    meter = await free(mall)

    fields = await refused(mall, of(meter, register_wh=4_999_999, reason="抄错"))

    assert "小于" in fields["meters.0.register_wh"]


async def test_an_unlikely_register_needs_to_be_confirmed(mall: SmallMall) -> None:
    meter = await free(mall)
    mall.clock.advance(60)
    said = {"register_wh": 9_000_000, "reason": "现场抄见"}

    assert "可能的用电量" in (await refused(mall, of(meter, **said)))["meters.0.register_wh"]
    assert (await opened(mall, of(meter, **said, confirmed=True))).meters[0].register_wh == 9_000_000


async def test_a_typed_register_without_a_reason_is_refused(mall: SmallMall) -> None:
    meter = await vacate(mall)

    assert "meters.0.reason" in await refused(mall, of(meter, register_wh=1))


async def test_all_that_is_wrong_is_said_at_once(mall: SmallMall) -> None:
    meter = await free(mall)

    fields = await refused(
        mall,
        of(meter),
        of(meter),
        {"meter_id": "1"},
        shop={"code": "A001", "name": ""},
        tenant_name=" ",
        contacts=[
            {"name": "", "phone": "12345"},
            {"name": "王五", "phone": "139 0000 1234", "check_id": "9"},
        ],
        tariff_id="9",
        contract_from_on="2026-05-01",
        contract_until_on="2026-04-01",
        terms={"low_fen": 100, "critical_fen": 200, "overdraft_fen": 100},
    )

    assert set(fields) == {
        "meters.1.meter_id",
        "meters.2.meter_id",
        "shop.code",
        "shop.name",
        "tenant_name",
        "contacts.0.name",
        "contacts.0.phone",
        "contacts.1.phone",
        "tariff_id",
        "contract_until_on",
        "terms.critical_fen",
        "terms.overdraft_fen",
    }


async def test_nothing_is_opened_without_a_meter_or_a_contact(mall: SmallMall) -> None:
    assert set(await refused(mall, contacts=[])) == {"contacts", "meters"}


async def test_another_malls_meter_shop_and_tariff_name_nothing(mall: SmallMall) -> None:
    meter = await free(mall)
    stranger = replace(clerk(mall), caller=replace(clerk(mall).caller, site_id=mall.site_id + 1))

    opening = await wizard(mall, of(meter), shop={"shop_id": str((await Shop.get(code="A003")).id)})
    with pytest.raises(Exception) as caught:
        await open_account(stranger, opening)

    assert type(caught.value).__name__ in {"DoesNotExist", "Invalid"}
    assert await Entry.all().count() == 0

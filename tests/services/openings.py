"""What tests say about opening an account: a free meter, a clerk, a filled-in wizard."""

from typing import Any
from uuid import UUID, uuid4

import msgspec

from backend.context import Context
from backend.domain.charging import charge_day_of
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.tariffs import Tariff
from backend.services.cut_day import charge_accounts
from backend.services.locks import lock_accounts
from backend.services.open_account import Opened, Opening, open_account
from backend.store import unit_of_work
from tests.services.mall import SmallMall

CLERK = ("staff.account.open", "staff.binding_code")


def clerk(mall: SmallMall, *more: str, number: int = 11) -> Context:
    return mall.as_staff(number, *CLERK, *more)


async def vacate(mall: SmallMall, shop: str = "A003", *, settled: bool = True) -> Meter:
    """Close a shop's account, with all that it used charged; return its meter, which is free now."""
    account, meter = await mall.account(shop), await mall.meter(shop)

    async def work() -> None:
        (locked,) = await lock_accounts([account.id])
        if settled:
            await charge_accounts(mall.ctx, {locked.id: locked}, charge_day_of(mall.clock.now()))
        await Account.filter(id=account.id).update(closed_at=mall.clock.now())

    await unit_of_work(work)
    return meter


async def wizard(mall: SmallMall, *meters: dict[str, Any], **more: Any) -> Opening:
    """A wizard filled in for a new shop; `more` replaces what it says."""
    values: dict[str, Any] = {
        "request_id": str(uuid4()),
        "shop": {"code": "B101", "name": "海澜之家", "floor": "1F", "shop_class": "服装"},
        "tenant_name": "都匀某服饰有限公司",
        "contacts": [{"name": "李四", "phone": "13900001234", "word": "本人持证件到场"}],
        "meters": list(meters),
        "tariff_id": str((await Tariff.filter(site_id=mall.site_id).get()).id),
        **more,
    }
    return msgspec.convert(values, Opening)


async def opened(mall: SmallMall, *meters: dict[str, Any], **more: Any) -> Opened:
    return await open_account(clerk(mall), await wizard(mall, *meters, **more))


async def opened_account(mall: SmallMall, result: Opened) -> Account:
    return await Account.get(id=int(result.account_id))


SAME_REQUEST = UUID("00000000-0000-4000-8000-000000000001")


async def read(mall: SmallMall, meter: Meter, register_wh: int, **more: Any) -> None:
    """Let the collector read a meter, whoever it belongs to."""
    await mall.contact()
    await mall.push(mall.reading(meter, register_wh, **more))


async def free(mall: SmallMall, register_wh: int = 5_000_000) -> Meter:
    """A free meter that was read just now."""
    meter = await vacate(mall)
    await read(mall, meter, register_wh)
    return meter


def of(meter: Meter, **more: Any) -> dict[str, Any]:
    return {"meter_id": str(meter.id), **more}

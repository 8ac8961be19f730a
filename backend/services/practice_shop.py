"""A shop to practise on (练习商铺): one a site, without a meter, never armed, counted by no report.

Starting over closes its account and opens another one: what was practised stays on record.
Its money goes through `channel:practice`, whatever way of paying is practised.
"""

from msgspec import Struct

from backend.context import Context
from backend.errors import Invalid
from backend.models.accounts import Account
from backend.models.site import Shop
from backend.models.tariffs import Tariff
from backend.services.audit import record
from backend.services.bindings import revoke_bindings
from backend.services.locks import lock_account
from backend.services.site_wiring import change_site

_CODES = ("练习", "练习商铺", "PRACTICE")


class PracticeView(Struct, frozen=True, kw_only=True):
    """account_id: None before the shop was made."""

    account_id: str | None
    shop_code: str
    shop_name: str
    settled_fen: int


async def show_practice_shop(ctx: Context) -> PracticeView:
    shop = await Shop.get_or_none(site_id=ctx.caller.site_id, practice=True)
    account = await Account.get_or_none(shop_id=shop.id, closed_at=None) if shop else None
    return _view(shop, account)


async def make_practice_shop(ctx: Context) -> PracticeView:
    """Make the practice shop, or let it begin again with an empty account. Errors: Invalid (no tariff)."""

    async def work(site_id: int) -> PracticeView:
        tariff = await Tariff.filter(site_id=site_id).order_by("id").first()
        if tariff is None:
            raise Invalid(fields={"tariff": "请先设置电价，再设立练习商铺"})
        now = ctx.clock.now()
        shop = await Shop.get_or_none(site_id=site_id, practice=True) or await _make_shop(ctx, site_id)
        before = await Account.get_or_none(shop_id=shop.id, closed_at=None)
        if before is not None:
            before = await lock_account(before.id)
            await revoke_bindings(ctx, before.id)
            before.closed_at = now
            await before.save(update_fields=["closed_at"])
        account = await Account.create(
            id=ctx.ids.new(),
            site_id=site_id,
            shop_id=shop.id,
            tariff_id=tariff.id,
            opened_at=now,
            tenant_name="练习专用",
            armed=False,
        )
        facts = {"closed": str(before.id) if before else None, "opened": str(account.id)}
        await record(ctx, "staff.account.practice", f"shop:{shop.id}", facts=facts)
        return _view(shop, account)

    return await change_site(ctx, work)


async def _make_shop(ctx: Context, site_id: int) -> Shop:
    taken = {row.code for row in await Shop.filter(site_id=site_id, code__in=_CODES)}
    code = next(one for one in (*_CODES, str(ctx.ids.new())) if one not in taken)
    return await Shop.create(id=ctx.ids.new(), site_id=site_id, code=code, name="练习商铺", practice=True)


def _view(shop: Shop | None, account: Account | None) -> PracticeView:
    return PracticeView(
        account_id=str(account.id) if account else None,
        shop_code=shop.code if shop else "",
        shop_name=shop.name if shop else "",
        settled_fen=account.settled_fen if account else 0,
    )

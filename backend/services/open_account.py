"""Open an account (开户): shop, tenant, contacts, meters, tariff and levels in one transaction.

The first top-up follows at the counter; until then an empty balance begins no arrears (`grace_until_at`).
"""

import hashlib
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from tortoise.exceptions import IntegrityError

from backend.context import Context
from backend.errors import Invalid, Refused
from backend.models.accounts import Account
from backend.models.openings import AccountOpening, OpeningDraft
from backend.models.site import Shop
from backend.models.tariffs import Tariff
from backend.services.audit import record
from backend.services.bindings import make_binding_code
from backend.services.decide_supply import decide_account
from backend.services.door_codes import DoorCodeView, door_code_of, door_view
from backend.services.opening_meters import OpenedMeter, OpeningMeter, lock_meters, take_over
from backend.services.opening_people import (
    OpeningContact,
    OpeningShop,
    Text64,
    add_contacts,
    check_contacts,
    check_shop,
    put_shop,
)
from backend.services.row_ids import id_of
from backend.services.site_policy import SitePolicy, policy_of
from backend.services.site_wiring import change_site
from backend.services.terms import own_text, terms_of
from backend.services.work import wake
from common.units import Fen

GRACE = timedelta(hours=2)
Level = Annotated[Fen, Meta(ge=0, le=100_000_000)]
Days = Annotated[int, Meta(ge=0, le=90)]
GRANT_OVERDRAFT = "staff.policy.change"
BINDING = "staff.binding_code"


class OpeningReused(Refused):
    code = "request_reused"
    message = "这次开户与之前提交的内容不同，请刷新页面后重新提交"


class OpeningTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the shop differs from the defaults; None: as everybody."""

    low_fen: Level | None = None
    low_days: Days | None = None
    critical_fen: Level | None = None
    critical_days: Days | None = None
    overdraft_fen: Level | None = None
    power_limit_w: Annotated[int, Meta(gt=0, le=10_000_000)] | None = None


class Opening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the wizard has gathered."""

    request_id: UUID
    shop: OpeningShop
    tenant_name: Text64
    contacts: Annotated[list[OpeningContact], Meta(max_length=5)]
    meters: Annotated[list[OpeningMeter], Meta(max_length=50)]
    tariff_id: str
    contract_from_on: date | None = None
    contract_until_on: date | None = None
    terms: OpeningTerms = OpeningTerms()


class Opened(Struct, frozen=True, kw_only=True):
    """A new account. binding_code: shown once; None when the request is repeated or the right is missing."""

    account_id: str
    shop_id: str
    armed: bool
    meters: list[OpenedMeter]
    door: DoorCodeView
    binding_code: str | None


async def open_account(ctx: Context, opening: Opening) -> Opened:
    """Open an account; the same request again returns the first one.

    Errors: Invalid with fields of the wizard ("meters.0.register_wh"), OpeningReused.
    """
    try:
        return await change_site(ctx, lambda site_id: _open(ctx, site_id, opening))
    except IntegrityError:
        raise OpeningReused() from None  # The request's id was another site's.


async def _open(ctx: Context, site_id: int, opening: Opening) -> Opened:
    digest = hashlib.sha256(msgspec.json.encode(opening, order="deterministic")).hexdigest()
    known = await AccountOpening.get_or_none(request_id=str(opening.request_id))
    if known is not None:
        if known.digest != digest or known.site_id != site_id:
            raise OpeningReused()
        return await _again(ctx, known)
    tariff = await Tariff.get_or_none(id=id_of(opening.tariff_id) or 0, site_id=site_id)
    problems = {} if tariff is not None else {"tariff_id": "请选择电价"}
    problems |= await check_shop(site_id, opening.shop)
    problems |= await check_contacts(ctx, site_id, opening.contacts)
    problems |= _check_terms(ctx, opening, await policy_of(site_id))
    taken, wrong = await lock_meters(ctx, site_id, opening.meters)
    problems |= wrong
    if not opening.meters:
        problems["meters"] = "请至少选择一块电表"
    if problems or tariff is None:
        raise Invalid(fields=problems)
    shop = await put_shop(ctx, site_id, opening.shop)
    account = await make_account(ctx, site_id, shop, tariff.id, opening)
    verified = await add_contacts(ctx, account, opening.contacts)
    if verified:
        account.armed = True
        await account.save(update_fields=["armed"])
    meters = await take_over(ctx, account, taken)
    await AccountOpening.create(
        id=ctx.ids.new(),
        site_id=site_id,
        account_id=account.id,
        request_id=str(opening.request_id),
        digest=digest,
        opened_by=ctx.caller.id,
        opened_at=account.opened_at,
        meters=msgspec.json.encode(meters).decode(),
    )
    await OpeningDraft.filter(staff_id=ctx.caller.id).delete()
    door = await door_code_of(ctx, shop)
    await decide_account(ctx, account, cause=f"staff:{ctx.caller.id}")
    wake(ctx, f"desired:{site_id}")
    code = await make_binding_code(ctx, account) if BINDING in ctx.caller.permissions else None
    await record(
        ctx, "staff.account.open", f"account:{account.id}", facts=_facts(opening, shop, account, meters)
    )
    return Opened(
        account_id=str(account.id),
        shop_id=str(shop.id),
        armed=account.armed,
        meters=meters,
        door=door_view(ctx, door),
        binding_code=code,
    )


async def make_account(ctx: Context, site_id: int, shop: Shop, tariff_id: int, opening: Opening) -> Account:
    """Write the account's row with its terms; it has neither contacts nor meters yet."""
    now = ctx.clock.now()
    policy = terms_of(await policy_of(site_id))
    said = {name: value for name, value in msgspec.structs.asdict(opening.terms).items() if value is not None}
    return await Account.create(
        id=ctx.ids.new(),
        site_id=site_id,
        shop_id=shop.id,
        tariff_id=tariff_id,
        opened_at=now,
        tenant_name=opening.tenant_name.strip(),
        contract_from_on=opening.contract_from_on,
        contract_until_on=opening.contract_until_on,
        grace_until_at=now + GRACE,
        own_terms=own_text([name for name in policy if name in said]),
        **{**policy, **said},
    )


async def _again(ctx: Context, known: AccountOpening) -> Opened:
    account = await Account.get(id=known.account_id)
    shop = await Shop.get(id=account.shop_id)
    # The edge looks for a record of every call that went through.
    await record(ctx, "staff.account.open", f"account:{account.id}", facts={"repeated": True})
    return Opened(
        account_id=str(account.id),
        shop_id=str(shop.id),
        armed=account.armed,
        meters=msgspec.json.decode(known.meters, type=list[OpenedMeter]),
        door=door_view(ctx, await door_code_of(ctx, shop)),
        binding_code=None,
    )


def _check_terms(ctx: Context, opening: Opening, policy: SitePolicy) -> dict[str, str]:
    problems = {}
    if not opening.tenant_name.strip():
        problems["tenant_name"] = "请填写商户名称"
    first, last = opening.contract_from_on, opening.contract_until_on
    if first is not None and last is not None and last < first:
        problems["contract_until_on"] = "合同止期不能早于起期"
    terms = opening.terms
    said = {name: value for name, value in msgspec.structs.asdict(terms).items() if value is not None}
    counts = {**terms_of(policy), **said}
    if counts["critical_fen"] > counts["low_fen"]:
        problems["terms.critical_fen"] = "二级预警金额不能高于一级预警金额"
    if counts["critical_days"] > counts["low_days"]:
        problems["terms.critical_days"] = "二级预警天数不能多于一级预警天数"
    if terms.overdraft_fen and GRANT_OVERDRAFT not in ctx.caller.permissions:
        problems["terms.overdraft_fen"] = "透支额度由经理设定，请留空"
    return problems


def _facts(opening: Opening, shop: Shop, account: Account, meters: list[OpenedMeter]) -> dict[str, object]:
    return {
        "shop": shop.code,
        "tenant": account.tenant_name,
        "armed": account.armed,
        "contacts": [contact.fact() for contact in opening.contacts],
        "meters": {one.serial: {"register_wh": one.register_wh, "source": one.source} for one in meters},
        "typed_because": {one.serial: one.reason for one in meters if one.reason},
        "tariff_id": opening.tariff_id,
        "terms": {k: v for k, v in msgspec.structs.asdict(opening.terms).items() if v is not None},
    }

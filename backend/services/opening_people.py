"""Shop and contacts of an account that is being opened (开户：商铺与联系人): what is wrong, then the rows."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.models.accounts import Account, Contact
from backend.models.site import Shop
from backend.services.contact_checks import is_proved, masked, mobile
from backend.services.row_ids import id_of
from backend.services.site_policy import policy_of

_SHORTEST_WORD = 2

Text32 = Annotated[str, Meta(max_length=32)]
Text64 = Annotated[str, Meta(max_length=64)]
Reason = Annotated[str, Meta(max_length=200)]


class OpeningShop(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vacant shop by its id, or a new one (shop_id None)."""

    shop_id: str | None = None
    code: Text32 = ""
    name: Text64 = ""
    floor: Annotated[str, Meta(max_length=16)] = ""
    shop_class: Text32 = ""


class OpeningContact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """check_id: an SMS proved the phone. word: or a person vouches for it, and says how they know."""

    name: Text32
    phone: Text32
    check_id: str | None = None
    word: Reason = ""

    def fact(self) -> dict[str, str]:
        """What the audit log keeps of it."""
        proof = "sms" if self.check_id else f"word: {self.word.strip()}" if self.word.strip() else "none"
        return {"phone": masked(mobile(self.phone) or self.phone), "proof": proof}


async def check_shop(site_id: int, part: OpeningShop) -> dict[str, str]:
    if part.shop_id is not None:
        shop = await Shop.get_or_none(id=id_of(part.shop_id) or 0, site_id=site_id)
        if shop is None or shop.practice:
            return {"shop.shop_id": "没有这间商铺，请重新选择"}
        if await Account.exists(shop_id=shop.id, closed_at=None):
            return {"shop.shop_id": f"{shop.code} {shop.name} 已经开户"}
        return {}
    problems = {}
    if not part.code.strip():
        problems["shop.code"] = "请填写商铺编号"
    elif await Shop.exists(site_id=site_id, code=part.code.strip()):
        problems["shop.code"] = f"商铺编号 {part.code.strip()} 已存在，请从空置商铺中选择"
    if not part.name.strip():
        problems["shop.name"] = "请填写商铺名称"
    return problems


async def put_shop(ctx: Context, site_id: int, part: OpeningShop) -> Shop:
    """Return the shop under lock; a vacant one takes the name of who moves in, if one is said."""
    if part.shop_id is None:
        return await Shop.create(
            id=ctx.ids.new(),
            site_id=site_id,
            code=part.code.strip(),
            name=part.name.strip(),
            floor=part.floor.strip(),
            shop_class=part.shop_class.strip(),
        )
    shop = await Shop.filter(id=id_of(part.shop_id)).select_for_update().get()
    said = {"name": part.name.strip(), "shop_class": part.shop_class.strip()}
    changed = [name for name, value in said.items() if value and getattr(shop, name) != value]
    for name in changed:
        setattr(shop, name, said[name])
    if changed:
        await shop.save(update_fields=changed)
    return shop


async def check_contacts(ctx: Context, site_id: int, contacts: Sequence[OpeningContact]) -> dict[str, str]:
    """Say what is wrong, by field. An unproved phone is no fault: the account is not armed."""
    if not contacts:
        return {"contacts": "请至少填写一位联系人"}
    by_word = (await policy_of(site_id)).contact_by_word
    problems = {}
    phones: set[str] = set()
    for index, one in enumerate(contacts):
        at, phone = f"contacts.{index}", mobile(one.phone)
        if not one.name.strip():
            problems[f"{at}.name"] = "请填写姓名"
        if phone is None:
            problems[f"{at}.phone"] = "请填写 11 位手机号"
        elif phone in phones:
            problems[f"{at}.phone"] = "这个手机号已填过"
        elif one.check_id is not None and not await is_proved(ctx, id_of(one.check_id) or 0, phone):
            problems[f"{at}.phone"] = "这个手机号还没有核实，请重新发送验证码"
        phones.add(phone or "")
        word = one.word.strip()
        if word and not by_word:
            problems[f"{at}.word"] = "本商场不允许人工核实，请用短信验证码"
        elif word and len(word) < _SHORTEST_WORD:
            problems[f"{at}.word"] = "请说明核实方式，如：本人持证件到场"
    return problems


async def add_contacts(ctx: Context, account: Account, contacts: Sequence[OpeningContact]) -> int:
    """Write checked contacts; return how many of them are verified."""
    now = ctx.clock.now()
    verified = 0
    for one in contacts:
        is_verified = one.check_id is not None or bool(one.word.strip())
        verified += is_verified
        await Contact.create(
            id=ctx.ids.new(),
            account_id=account.id,
            name=one.name.strip(),
            phone=mobile(one.phone) or one.phone,
            verified_at=now if is_verified else None,
        )
    return verified

"""Contacts and bound phones of an account, changed by the staff (联系人、绑定).

Who is told of warnings decides whether an account may be cut off by itself: when the last person who can be
reached goes, automatic trips of the account go with them, in the same transaction. What is removed stays on
record; the same phone again brings the row back.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from backend.context import Context
from backend.errors import Invalid, NotFound, Refused
from backend.models.accounts import Account, Contact
from backend.models.people import Binding
from backend.services.audit import record
from backend.services.contact_checks import is_proved, masked, mobile
from backend.services.locks import lock_account
from backend.services.row_ids import id_of
from backend.services.site_policy import policy_of
from backend.services.work import wake
from backend.store import unit_of_work

CHANGE = "staff.tenant.change"
_SHORTEST_WORD = 2


class ContactExists(Refused):
    code = "contact_exists"
    message = "这个手机号已经是该户的联系人"


class ContactBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """check_id: an SMS proved the phone. word: or a person vouches for it, and says how they know.

    arm: the account may be cut off by itself from now on.
    """

    name: Annotated[str, Meta(min_length=1, max_length=32)]
    phone: Annotated[str, Meta(min_length=5, max_length=20)]
    check_id: str | None = None
    word: Annotated[str, Meta(max_length=200)] = ""
    arm: bool = False


class ContactChanged(Struct, frozen=True, kw_only=True):
    contact_id: str
    verified: bool
    armed: bool  # Whether automatic trips of the account are on now.


async def add_contact(ctx: Context, account_id: int, body: ContactBody) -> ContactChanged:
    """Add a contact; one that was removed comes back unproved. Errors: NotFound, ContactExists, Invalid."""

    async def work() -> ContactChanged:
        account = await _open_account(ctx, account_id)
        phone = _phone(body.phone)
        contact = await Contact.get_or_none(account_id=account.id, phone=phone)
        if contact is not None and contact.removed_at is None:
            raise ContactExists(fields={"phone": ContactExists.message})
        if contact is None:
            contact = Contact(id=ctx.ids.new(), account_id=account.id, phone=phone)
        contact.name, contact.verified_at, contact.removed_at = body.name.strip(), None, None
        return await _keep(ctx, account, contact, body, {"before": None})

    return await unit_of_work(work, "change_contact")


async def change_contact(ctx: Context, contact_id: int, body: ContactBody) -> ContactChanged:
    """Change a name or phone; another phone has to be proved anew. Errors: as `add_contact`."""

    async def work() -> ContactChanged:
        account, contact = await _own(ctx, contact_id)
        phone = _phone(body.phone)
        if phone != contact.phone:
            if await Contact.filter(account_id=account.id, phone=phone).exists():
                raise ContactExists(fields={"phone": ContactExists.message})
            contact.verified_at = None
        before = {"name": contact.name, "phone": masked(contact.phone)}
        contact.name, contact.phone = body.name.strip(), phone
        return await _keep(ctx, account, contact, body, {"before": before})

    return await unit_of_work(work, "change_contact")


async def remove_contact(ctx: Context, contact_id: int, reason: str) -> None:
    """Tell a person of nothing any more; a second call is harmless. Errors: NotFound."""

    async def work() -> None:
        account, contact = await _own(ctx, contact_id, removed=True)
        if contact.removed_at is None:
            contact.removed_at = ctx.clock.now()
            await contact.save(update_fields=["removed_at"])
        facts = {"name": contact.name, "phone": masked(contact.phone), **await _disarm(ctx, account)}
        await record(ctx, "staff.contact.removed", f"account:{account.id}", reason=reason, facts=facts)

    await unit_of_work(work, "change_contact")


async def revoke_binding(ctx: Context, binding_id: int, reason: str) -> None:
    """Take a bound phone's sight of an account (解除绑定); a second call is harmless. Errors: NotFound."""

    async def work() -> None:
        known = await Binding.get_or_none(id=binding_id)
        account = await _account(ctx, 0 if known is None else known.account_id)
        binding = await Binding.filter(id=binding_id).select_for_update().get()
        if binding.revoked_at is None:
            binding.revoked_at, binding.standing_key = ctx.clock.now(), None
            await binding.save(update_fields=["revoked_at", "standing_key"])
        facts = {"binding": str(binding.id), "role": binding.role, **await _disarm(ctx, account)}
        await record(ctx, "staff.binding.revoked", f"account:{account.id}", reason=reason, facts=facts)

    await unit_of_work(work, "revoke_binding")


async def is_reachable(account_id: int) -> bool:
    """Say whether somebody can be told: a proved contact, or a bound phone (可通知)."""
    proved = Contact.filter(account_id=account_id, verified_at__isnull=False, removed_at=None)
    return await proved.exists() or await Binding.exists(account_id=account_id, standing_key__isnull=False)


async def _keep(
    ctx: Context, account: Account, contact: Contact, body: ContactBody, facts: dict[str, Any]
) -> ContactChanged:
    if body.check_id is not None or body.word.strip():
        await _need_proof(ctx, contact.phone, body)
        contact.verified_at = contact.verified_at or ctx.clock.now()
    await contact.save()
    changed = await _disarm(ctx, account)
    if body.arm and not account.armed:
        if not await is_reachable(account.id):
            raise Invalid(fields={"arm": "没有已核实的联系人或已绑定的手机，不能启用自动断电"})
        account.armed = True
        await account.save(update_fields=["armed"])
        changed = {"armed": True}
    word = body.word.strip()
    kept = "kept" if contact.verified_at else "none"
    proof = "sms" if body.check_id is not None else f"word: {word}" if word else kept
    facts |= {"after": {"name": contact.name, "phone": masked(contact.phone)}, "proof": proof, **changed}
    await record(ctx, "staff.contact.changed", f"account:{account.id}", facts=facts)
    is_verified = contact.verified_at is not None
    return ContactChanged(contact_id=str(contact.id), verified=is_verified, armed=account.armed)


async def _need_proof(ctx: Context, phone: str, body: ContactBody) -> None:
    if body.check_id is not None:
        if not await is_proved(ctx, id_of(body.check_id) or 0, phone):
            raise Invalid(fields={"phone": "这个手机号还没有核实，请重新发送验证码"})
    elif not (await policy_of(ctx.caller.site_id or 0)).contact_by_word:
        raise Invalid(fields={"word": "本商场不允许人工核实，请用短信验证码"})
    elif len(body.word.strip()) < _SHORTEST_WORD:
        raise Invalid(fields={"word": "请说明核实方式，如：本人持证件到场"})


async def _disarm(ctx: Context, account: Account) -> dict[str, bool]:
    """End automatic trips of an account whose people cannot be told any more; say so for the record."""
    if not account.armed or await is_reachable(account.id):
        return {}
    account.armed = False
    await account.save(update_fields=["armed"])
    wake(ctx, f"live:{account.site_id}")
    return {"armed": False}


async def _account(ctx: Context, account_id: int) -> Account:
    account = await lock_account(account_id)
    if account.site_id != ctx.caller.site_id:
        raise NotFound()
    return account


async def _open_account(ctx: Context, account_id: int) -> Account:
    account = await _account(ctx, account_id)
    if account.closed_at is not None:
        raise NotFound()
    return account


async def _own(ctx: Context, contact_id: int, *, removed: bool = False) -> tuple[Account, Contact]:
    known = await Contact.get_or_none(id=contact_id)
    account = await _account(ctx, 0 if known is None else known.account_id)
    contact = await Contact.filter(id=contact_id).select_for_update().get()
    if contact.removed_at is not None and not removed:
        raise NotFound()
    return account, contact


def _phone(text: str) -> str:
    """Return the digits of a phone however it was typed. Errors: Invalid."""
    phone = mobile(text)
    if phone is None:
        raise Invalid(fields={"phone": "请填写 11 位手机号"})
    return phone

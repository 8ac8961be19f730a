"""Who may see and pay for an account (绑定): one-time codes from the property, and what they open.

A door code only names a shop. A binding code is a secret: 55 bits beyond the part that finds its row,
one use, 24 hours, 5 tries. Its hash is keyed, so that a copy of the database opens nothing.
"""

import hashlib
import hmac
from datetime import timedelta

from backend.context import CallerKind, Context
from backend.errors import Bug, Forbidden, NotFound, Refused
from backend.models.accounts import Account
from backend.models.people import Binding, BindingCode, Tenant
from backend.services.audit import record
from backend.services.locks import lock_account
from backend.services.rate_limits import BIND_PER_TENANT, need_below
from backend.store import unit_of_work

CODE_STANDS_FOR = timedelta(hours=24)
MOST_TRIES = 5
# 32 characters, 5 bits each, without 0, 1, I and O.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LOOKUP, _SECRET, _GROUP = 5, 11, 4
_DRAWS = 8


class CodeWrong(Refused):
    code = "binding_code_wrong"
    message = "绑定码不正确，请核对后重新输入（每个绑定码最多输错 5 次）"


class CodeExpired(Refused):
    code = "binding_code_expired"
    message = "绑定码已过期（24 小时内有效），请向物业索取新的绑定码"


class CodeUsed(Refused):
    code = "binding_code_used"
    message = "绑定码已被使用，请向物业索取新的绑定码"


class CodeExhausted(Refused):
    code = "binding_code_exhausted"
    message = "绑定码输错次数过多，已作废，请向物业索取新的绑定码"


async def issue_binding_code(ctx: Context, account_id: int) -> str:
    """Make a code for an account of the caller's site (发放绑定码), e.g. "7KQM-2XPA-…"; shown this once.

    Errors: NotFound (also for a closed account).
    """

    async def work() -> str:
        account = await lock_account(account_id)
        if account.site_id != ctx.caller.site_id or account.closed_at is not None:
            raise NotFound()
        return await make_binding_code(ctx, account)

    return await unit_of_work(work, "issue_binding_code")


async def make_binding_code(ctx: Context, account: Account) -> str:
    """Make a code inside the caller's unit of work, whose record of it comes last."""
    lookup, secret = await _free_lookup(ctx), _draw(ctx, _SECRET)
    now = ctx.clock.now()
    await BindingCode.create(
        id=ctx.ids.new(),
        site_id=account.site_id,
        account_id=account.id,
        lookup=lookup,
        code_hash=_hash(ctx, lookup, secret),
        made_by=ctx.caller.id,
        made_at=now,
        expires_at=now + CODE_STANDS_FOR,
    )
    await record(ctx, "staff.binding_code", f"account:{account.id}")
    return _written(lookup + secret)


async def bind_tenant(ctx: Context, code: str) -> Account:
    """Bind the calling tenant to the account that a code opens (绑定).

    The same code again by the same tenant, while bound, is harmless. What was tried stays counted.
    Errors: CodeWrong, CodeExpired, CodeUsed, CodeExhausted, TooMany.
    """
    if ctx.caller.kind is not CallerKind.TENANT:
        raise Forbidden()

    async def work() -> Account | Refused:
        # The tenant's row first: the tries of one person come one after the other and are all counted.
        await Tenant.filter(id=ctx.caller.id).select_for_update().get()
        await need_below(BIND_PER_TENANT, ctx.clock.now(), actor=ctx.caller.actor)
        lookup, secret = _read(code)
        row = await _locked_code(lookup)
        refusal = await _check(ctx, row, secret)
        if refusal is not None:
            site_id = row.site_id if row else 0
            facts = {"code": refusal.code}
            await record(ctx, BIND_PER_TENANT.operation, ctx.caller.actor, facts=facts, site_id=site_id)
            return refusal
        assert row is not None
        return await _bind(ctx, row)

    result = await unit_of_work(work, "bind_tenant")
    if isinstance(result, Refused):
        raise result
    return result


async def account_for(ctx: Context, account_id: int) -> Account:
    """Return an account that the calling tenant is bound to. Errors: NotFound (foreign, closed, none)."""
    if ctx.caller.kind is CallerKind.TENANT:
        key = _standing_key(ctx.caller.id, account_id)
        if await Binding.exists(standing_key=key):
            account = await Account.get_or_none(id=account_id, closed_at=None)
            if account is not None:
                return account
    raise NotFound()


async def revoke_bindings(ctx: Context, account_id: int) -> int:
    """End all bindings and open codes of an account, in the caller's unit of work (过户、销户).

    Returns how many people lose sight of it. Harmless when repeated.
    """
    now = ctx.clock.now()
    await BindingCode.filter(account_id=account_id, used_at=None, expires_at__gt=now).update(expires_at=now)
    return await Binding.filter(account_id=account_id, standing_key__isnull=False).update(
        revoked_at=now, standing_key=None
    )


async def _locked_code(lookup: str) -> BindingCode | None:
    """Find a code and lock it, its account before it: the one order of locks."""
    found = await BindingCode.get_or_none(lookup=lookup)
    if found is None:
        return None
    await lock_account(found.account_id)
    return await BindingCode.filter(id=found.id).select_for_update().get()


async def _check(ctx: Context, row: BindingCode | None, secret: str) -> Refused | None:
    """Say what is wrong with a try, and count it. Only the right secret learns that its code is old."""
    if row is None:
        return CodeWrong()
    if row.tries >= MOST_TRIES:
        return CodeExhausted()
    if not hmac.compare_digest(_hash(ctx, row.lookup, secret), row.code_hash):
        row.tries += 1
        await row.save(update_fields=["tries"])
        return CodeExhausted() if row.tries >= MOST_TRIES else CodeWrong()
    if row.used_at is not None:
        key = _standing_key(ctx.caller.id, row.account_id)
        return None if await Binding.exists(standing_key=key) else CodeUsed()
    return CodeExpired() if row.expires_at <= ctx.clock.now() else None


async def _bind(ctx: Context, row: BindingCode) -> Account:
    account = await Account.get(id=row.account_id)
    if account.closed_at is not None:
        raise NotFound()
    now, key = ctx.clock.now(), _standing_key(ctx.caller.id, account.id)
    if row.used_at is None:
        row.used_at = now
        await row.save(update_fields=["used_at"])
    if not await Binding.exists(standing_key=key):
        is_first = not await Binding.exists(account_id=account.id, standing_key__isnull=False)
        await Binding.create(
            id=ctx.ids.new(),
            tenant_id=ctx.caller.id,
            account_id=account.id,
            role="owner" if is_first else "member",
            bound_at=now,
            standing_key=key,
        )
        await record(ctx, "tenant.bind", f"account:{account.id}", site_id=account.site_id)
    return account


def _standing_key(tenant_id: int, account_id: int) -> str:
    return f"{tenant_id}:{account_id}"


def _hash(ctx: Context, lookup: str, secret: str) -> str:
    content = f"binding:{lookup}:{secret}".encode(errors="replace")
    return hmac.new(ctx.settings.secret_key, content, hashlib.sha256).hexdigest()


def _draw(ctx: Context, count: int) -> str:
    return "".join(ctx.random.choice(_ALPHABET) for _ in range(count))


async def _free_lookup(ctx: Context) -> str:
    for _ in range(_DRAWS):
        lookup = _draw(ctx, _LOOKUP)
        if not await BindingCode.exists(lookup=lookup):
            return lookup
    raise Bug("no free lookup among 33 million: the random source repeats itself")


def _written(code: str) -> str:
    return "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))


def _read(text: str) -> tuple[str, str]:
    """Split a code as people type it, in any case, with spaces or dashes; a wrong length finds nothing."""
    code = "".join(one for one in text.upper() if one.isalnum())
    return (code[:_LOOKUP], code[_LOOKUP:]) if len(code) == _LOOKUP + _SECRET else ("", "")

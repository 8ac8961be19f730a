"""Change a site's policy (修改策略): one row a change, with what was before and after, and who said why.

The new values count from the next decision on. Accounts follow in a job of its own, a few at a time: each
one's terms are set and its supply decided in one transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.errors import Invalid, NotFound, Refused
from backend.models.accounts import Account
from backend.models.people import Staff
from backend.models.site import PolicyChange, Shop, Site
from backend.services.audit import record
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account, lock_accounts
from backend.services.policy_values import PolicyValues, TermValues, policy_with, problems_of, values_of
from backend.services.site_policy import SitePolicy, policy_of
from backend.services.terms import CHANGE_TERMS, TERMS, follow_policy, own_terms, set_own
from backend.services.work import apply_policy, wake
from backend.store import unit_of_work

OPERATION = "staff.policy.change"
_AT_ONCE = 25
_SHOWN = 50


class PolicyChanged(Refused):
    """Somebody else has changed it since the form was opened."""

    code = "policy_changed"
    message = "策略已被他人修改，请刷新后重新填写"


class OwnTerms(Struct, frozen=True, kw_only=True):
    """A shop that differs from the site's policy, with the terms that are its own."""

    account_id: str
    shop_code: str
    shop_name: str
    terms: dict[str, int]


class PolicyChangeView(Struct, frozen=True, kw_only=True):
    """before, after: what differs, by name."""

    number: int
    at: datetime
    changed_by_name: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]


class PolicyView(Struct, frozen=True, kw_only=True):
    """number: of the newest change; a new one names it."""

    number: int
    values: PolicyValues
    own: list[OwnTerms]
    changes: list[PolicyChangeView]


async def show_policy(ctx: Context) -> PolicyView:
    site_id = ctx.caller.site_id or 0
    found = await PolicyChange.filter(site_id=site_id).order_by("-number").limit(_SHOWN)
    names = {row.id: row.name for row in await Staff.filter(id__in={one.changed_by for one in found})}
    differing = await Account.filter(site_id=site_id, closed_at=None).exclude(own_terms="[]")
    shops = {shop.id: shop for shop in await Shop.filter(id__in=[one.shop_id for one in differing])}
    return PolicyView(
        number=found[0].number if found else 0,
        values=values_of(await policy_of(site_id)),
        own=sorted(
            (
                OwnTerms(
                    account_id=str(one.id),
                    shop_code=shops[one.shop_id].code,
                    shop_name=shops[one.shop_id].name,
                    terms={name: getattr(one, name) for name in own_terms(one)},
                )
                for one in differing
            ),
            key=lambda one: one.shop_code,
        ),
        changes=[_view(row, names.get(row.changed_by, "")) for row in found],
    )


async def check_values(ctx: Context, values: PolicyValues) -> None:
    """Refuse what contradicts itself, before anybody is asked for a code. Errors: Invalid."""
    policy_with(await policy_of(ctx.caller.site_id or 0), values)


async def change_values(
    ctx: Context, values: PolicyValues, *, based_on: int, reason: str, request_id: UUID
) -> None:
    """Set the policy's values. Errors: Invalid (with the field), PolicyChanged."""
    await change_policy(
        ctx, lambda before: policy_with(before, values), OPERATION, reason, str(request_id), based_on
    )


async def change_policy(
    ctx: Context,
    change: Callable[[SitePolicy], SitePolicy],
    operation: str,
    reason: str,
    request_id: str,
    based_on: int | None = None,
) -> None:
    """Write what `change` makes of a site's policy; the same request again changes nothing more."""

    async def work() -> None:
        site = await Site.filter(id=ctx.caller.site_id).select_for_update().first()
        if site is None:
            raise NotFound()
        if await PolicyChange.exists(request_id=request_id):
            await record(ctx, operation, f"site:{site.id}", reason=reason, facts={"repeated": True})
            return
        newest = await PolicyChange.filter(site_id=site.id).order_by("-number").first()
        number = 0 if newest is None else newest.number
        if based_on is not None and based_on != number:
            raise PolicyChanged()
        before = msgspec.json.decode(site.policy, type=SitePolicy)
        after = change(before)
        site.policy = msgspec.json.encode(after).decode()
        await site.save(update_fields=["policy"])
        await PolicyChange.create(
            id=ctx.ids.new(),
            site_id=site.id,
            number=number + 1,
            at=ctx.clock.now(),
            changed_by=ctx.caller.id,
            reason=reason[:200],
            before=msgspec.json.encode(before).decode(),
            after=site.policy,
            request_id=request_id,
        )
        await apply_policy(ctx, site.id)
        wake(ctx, f"live:{site.id}")
        old, new = differences(before, after)
        facts = {"number": number + 1, "before": old, "after": new}
        await record(ctx, operation, f"site:{site.id}", reason=reason, facts=facts)

    await unit_of_work(work, "change_policy")


async def bring_accounts_up(ctx: Context, site_id: int) -> None:
    """Let a site's accounts follow its policy and decide about each; harmless when repeated."""
    ids = await Account.filter(site_id=site_id, closed_at=None).order_by("id").values_list("id", flat=True)
    for start in range(0, len(ids), _AT_ONCE):
        lot = [int(str(one)) for one in ids[start : start + _AT_ONCE]]
        await unit_of_work(lambda lot=lot: _bring_up(ctx, site_id, lot), "apply_policy")  # type: ignore[misc]


async def check_terms(ctx: Context, account_id: int, terms: Mapping[str, int | None]) -> None:
    """Refuse what cannot be, before anybody is asked for a code. Errors: NotFound, Invalid."""
    account = await Account.get_or_none(id=account_id)
    _need_own(ctx, account)
    if account is not None:
        _set_terms(account, terms, await policy_of(account.site_id))


async def change_terms(ctx: Context, account_id: int, terms: Mapping[str, int | None], reason: str) -> None:
    """Give a shop terms of its own, or (None) those of the site again. Errors: NotFound, Invalid."""

    async def work() -> None:
        account = await lock_account(account_id)
        _need_own(ctx, account)
        before = {"own": own_terms(account), **_terms(account)}
        _set_terms(account, terms, await policy_of(account.site_id))
        await account.save(update_fields=[*TERMS, "own_terms"])
        await decide_account(ctx, account, cause=f"terms:{account.id}")
        wake(ctx, f"live:{account.site_id}")
        facts = {"before": before, "after": {"own": own_terms(account), **_terms(account)}}
        await record(ctx, CHANGE_TERMS, f"account:{account.id}", reason=reason, facts=facts)

    await unit_of_work(work, "change_terms")


def differences(before: SitePolicy, after: SitePolicy) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what differs, by name, as JSON holds it."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    names = [name for name in new if old[name] != new[name]]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


async def _bring_up(ctx: Context, site_id: int, ids: Sequence[int]) -> None:
    accounts = await lock_accounts(ids)
    policy = await policy_of(site_id)  # As it is now that we hold them.
    for account in accounts:
        changed = follow_policy(account, policy)
        if changed:
            await account.save(update_fields=changed)
        await decide_account(ctx, account, cause="policy")


def _need_own(ctx: Context, account: Account | None) -> None:
    if account is None or account.site_id != ctx.caller.site_id or account.closed_at is not None:
        raise NotFound()


def _set_terms(account: Account, terms: Mapping[str, int | None], policy: SitePolicy) -> None:
    set_own(account, [name for name, value in terms.items() if value is not None])
    for name, value in terms.items():
        if value is not None:
            setattr(account, name, value)
    follow_policy(account, policy)
    fields = problems_of(msgspec.convert(_terms(account), TermValues))
    if fields:
        raise Invalid(fields=fields)


def _terms(account: Account) -> dict[str, int]:
    return {name: getattr(account, name) for name in TERMS}


def _view(row: PolicyChange, name: str) -> PolicyChangeView:
    before = msgspec.json.decode(row.before, type=SitePolicy)
    old, new = differences(before, msgspec.json.decode(row.after, type=SitePolicy))
    return PolicyChangeView(
        number=row.number, at=row.at, changed_by_name=name, reason=row.reason, before=old, after=new
    )

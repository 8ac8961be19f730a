"""Remind shops of their balance at a person's word (一键提醒): previewed, then sent by the cascade.

A reminder is a notice: its ways, its receipts and its place in the message log are those of every other one.
A shop that was told a short while ago is not told again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from backend.context import Context
from backend.domain.balances import days_left
from backend.errors import Invalid
from backend.messages.port import NoticeLevel
from backend.messages.templates import NoticeFacts, compose
from backend.models.accounts import Account
from backend.models.messages import Notice
from backend.models.meters import MeterState
from backend.models.site import Shop
from backend.services.audit import record
from backend.services.locks import lock_accounts
from backend.services.shop_people import people_of
from backend.services.supply_facts import estimated_of
from backend.services.warn import make_notice
from backend.services.workbench_tiles import OFF
from backend.store import unit_of_work
from common.units import Fen, Nanoyuan

OPERATION = "staff.message.send"
MOST_AT_ONCE = 50
NOT_AGAIN_WITHIN = timedelta(hours=6)


class Reminder(Struct, frozen=True, kw_only=True):
    """What one shop would be told, or why it is not. `sent`: it is under way now."""

    account_id: str
    shop_code: str
    shop_name: str
    text: str
    why_not: str | None
    sent: bool = False


class _Plan(Struct, frozen=True):
    account: Account
    level: NoticeLevel
    estimated: Fen | None
    days: float | None
    view: Reminder


async def preview_reminders(ctx: Context, account_ids: Sequence[int]) -> list[Reminder]:
    """Return what each shop of the caller's site would be told; others are left out. Errors: Invalid."""
    _check(account_ids)
    accounts = await Account.filter(id__in=account_ids, site_id=ctx.caller.site_id).order_by("id")
    return [plan.view for plan in await _plans(ctx, accounts)]


async def send_reminders(ctx: Context, account_ids: Sequence[int], request_id: UUID) -> list[Reminder]:
    """Send what the preview shows; the same request again sends nothing twice. Errors: Invalid."""
    _check(account_ids)

    async def work() -> list[Reminder]:
        wanted = await Account.filter(id__in=account_ids, site_id=ctx.caller.site_id).values_list(
            "id", flat=True
        )
        accounts = await lock_accounts(sorted(int(str(one)) for one in wanted))
        views = []
        for plan in await _plans(ctx, accounts):
            cause = f"reminder:{request_id}:{plan.account.id}"
            was_sent = await Notice.exists(cause=cause)
            if plan.view.why_not is None and not was_sent:
                await make_notice(ctx, plan.account, plan.level, cause, plan.estimated, plan.days)
                was_sent = True
            views.append(_sent(plan.view) if was_sent else plan.view)
        told = [view.account_id for view in views if view.sent]
        await record(ctx, OPERATION, facts={"account_ids": told, "request_id": str(request_id)})
        return views

    return await unit_of_work(work, "send_reminders")


def _check(account_ids: Sequence[int]) -> None:
    if not 1 <= len(account_ids) <= MOST_AT_ONCE:
        raise Invalid(fields={"account_ids": f"一次最多提醒 {MOST_AT_ONCE} 户"})


async def _plans(ctx: Context, accounts: Iterable[Account]) -> list[_Plan]:
    return [await _plan(ctx, account) for account in accounts]


async def _plan(ctx: Context, account: Account) -> _Plan:
    now = ctx.clock.now()
    shop = await Shop.get(id=account.shop_id)
    states = await MeterState.filter(account_id=account.id)
    estimated = estimated_of(account, states)
    read_ats = [state.read_at for state in states if state.read_at is not None]
    mean = None if account.mean_daily_nano is None else Nanoyuan(account.mean_daily_nano)
    days = None
    if estimated is not None:
        days = days_left(estimated, Fen(account.overdraft_fen), mean, min(read_ats, default=None), now)
    level = _level(account, estimated, days)
    values = compose(
        level,
        NoticeFacts(shop=f"{shop.code} {shop.name}", estimated_fen=estimated or Fen(0), at=now, days=days),
    )
    view = Reminder(
        account_id=str(account.id),
        shop_code=shop.code,
        shop_name=shop.name,
        text=f"{values['shop']}：余额 {values['balance']} 元，{values['state']}。{values['hint']}",
        why_not=await _why_not(ctx, account, shop, states, estimated, now),
    )
    return _Plan(account, level, estimated, days, view)


def _level(account: Account, estimated: Fen | None, days: float | None) -> NoticeLevel:
    few = days is not None and days <= account.critical_days
    low = estimated is not None and estimated <= account.critical_fen
    return NoticeLevel.CRITICAL if few or low else NoticeLevel.LOW


async def _why_not(
    ctx: Context,
    account: Account,
    shop: Shop,
    states: Sequence[MeterState],
    estimated: Fen | None,
    now: datetime,
) -> str | None:
    if account.closed_at is not None:
        return "已销户"
    if shop.practice:
        return "练习商铺不发送"
    if estimated is None or not states:
        return "余额未知，有电表还没有抄到示数"
    if any(state.relay.value in OFF for state in states):
        return "已断电，已另行通知"
    if not (await people_of(ctx, account)).reachable:
        return "没有可用的联系方式，请电话通知"
    if await Notice.exists(account_id=account.id, made_at__gt=now - NOT_AGAIN_WITHIN):
        return f"{NOT_AGAIN_WITHIN // timedelta(hours=1)} 小时内已提醒过"
    return None


def _sent(view: Reminder) -> Reminder:
    return Reminder(
        account_id=view.account_id,
        shop_code=view.shop_code,
        shop_name=view.shop_name,
        text=view.text,
        why_not=None,
        sent=True,
    )

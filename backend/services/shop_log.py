"""What happened around one shop (商铺记录): its relay orders, its alarms, what it was told."""

from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.models.messages import Delivery, Notice
from backend.models.operations import Alarm
from backend.services.own_account import own_account
from backend.services.show_alarms import AlarmPage, views_of
from backend.services.show_commands import CommandPage, CommandQuery, list_commands
from backend.store import rows

_END = (1 << 63) - 1
_ALARMS_SQL = """
SELECT id FROM alarm WHERE site_id = ?
AND (account_id = ? OR meter_id IN (SELECT id FROM meter WHERE account_id = ?))
AND id < ? ORDER BY id DESC LIMIT ?"""


class DeliveryView(Struct, frozen=True, kw_only=True):
    """One try on one channel. `state`: models.messages.DeliveryState; unknown is neither sent nor failed."""

    channel: str
    address: str  # Cut down unless the caller may see phones.
    state: str
    code: str
    sent_at: datetime | None
    receipt_at: datetime | None


class MessageView(Struct, frozen=True, kw_only=True):
    notice_id: str
    level: str
    made_at: datetime
    estimated_fen: int | None
    days_left: float | None
    delivered_at: datetime | None
    exhausted_at: datetime | None  # No way was left: a person was asked to call.
    deliveries: list[DeliveryView]


class MessagePage(Struct, frozen=True, kw_only=True):
    messages: list[MessageView]
    next_before: str | None


class _Facts(Struct):
    estimated_fen: int | None = None
    days_left: float | None = None


async def list_shop_commands(ctx: Context, account_id: int, before: int | None, limit: int) -> CommandPage:
    """Return the orders to a shop's meters, newest first. Errors: NotFound."""
    account = await own_account(ctx, account_id)
    return await list_commands(ctx, CommandQuery(account_id=account.id, before=before, limit=limit))


async def list_shop_alarms(ctx: Context, account_id: int, before: int | None, limit: int) -> AlarmPage:
    """Return alarms about a shop or one of its meters, standing or not, newest first. Errors: NotFound."""
    account = await own_account(ctx, account_id)
    last = _END if before is None else before
    found = await rows(_ALARMS_SQL, [account.site_id, account.id, account.id, last, limit + 1])
    ids = [int(row["id"]) for row in found]
    alarms = await Alarm.filter(id__in=ids[:limit]).order_by("-id")
    more = str(ids[limit - 1]) if len(ids) > limit else None
    return AlarmPage(alarms=await views_of(ctx, alarms), next_before=more)


async def list_messages(ctx: Context, account_id: int, before: int | None, limit: int) -> MessagePage:
    """Return what a shop was told, newest first, with every try to bring it. Errors: NotFound."""
    account = await own_account(ctx, account_id)
    query = Notice.filter(account_id=account.id)
    if before is not None:
        query = query.filter(id__lt=before)
    found = await query.order_by("-id").limit(limit + 1)
    notices = found[:limit]
    tries: dict[int, list[Delivery]] = {}
    for delivery in await Delivery.filter(notice_id__in=[notice.id for notice in notices]).order_by("id"):
        tries.setdefault(delivery.notice_id, []).append(delivery)
    may_see = "staff.tenant.view" in ctx.caller.permissions
    return MessagePage(
        messages=[_message(notice, tries.get(notice.id, []), may_see) for notice in notices],
        next_before=str(notices[-1].id) if len(found) > limit else None,
    )


def _message(notice: Notice, tries: list[Delivery], may_see: bool) -> MessageView:
    facts = msgspec.json.decode(notice.facts or "{}", type=_Facts)
    return MessageView(
        notice_id=str(notice.id),
        level=notice.level,
        made_at=notice.made_at,
        estimated_fen=facts.estimated_fen,
        days_left=facts.days_left,
        delivered_at=notice.delivered_at,
        exhausted_at=notice.exhausted_at,
        deliveries=[
            DeliveryView(
                channel=one.channel,
                address=_address(one, may_see),
                state=one.state.value,
                code=one.code,
                sent_at=one.sent_at,
                receipt_at=one.receipt_at,
            )
            for one in tries
        ],
    )


def _address(delivery: Delivery, may_see: bool) -> str:
    """Show a phone to whoever may see it; a WeChat id is nothing that people read."""
    if delivery.channel != "sms":
        return ""
    return delivery.address if may_see else f"*{delivery.address[-4:]}"

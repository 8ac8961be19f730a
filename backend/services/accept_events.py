"""Take in what WeChat and the SMS provider tell (回执、订阅、关注). Each event counts once.

A receipt that says "delivered" is proof of notice: for a last warning it starts the delay before a trip.
"""

from collections.abc import Mapping

from backend.context import Context
from backend.messages.events import (
    ConsentSource,
    Followed,
    SubscribeConsent,
    SubscribeReceipt,
    TemplateReceipt,
    Unfollowed,
    WechatEvent,
)
from backend.messages.port import Receipt
from backend.metrics import count_message
from backend.models.accounts import Account
from backend.models.messages import Consent, Delivery, DeliveryState, Notice
from backend.models.people import Tenant
from backend.models.supply import ArrearsEpisode
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account
from backend.services.work import keep_receipt, send_notice, wake
from backend.store import run, unit_of_work, upsert_sql


def echo(ctx: Context, app: str, query: Mapping[str, str]) -> str:
    """Return the text that proves our address to WeChat. Errors: NotFound, EventRefused."""
    return ctx.messages.echo(app, query)


async def accept_events(ctx: Context, app: str, query: Mapping[str, str]) -> None:
    """Take pushed events. Errors: NotFound (no such app), EventRefused."""
    for event in ctx.messages.open_event(app, query, ctx.body):
        await _accept(ctx, event)


async def accept_sms_receipts(ctx: Context, token: str) -> None:
    """Take pushed SMS receipts. Errors: NotFound (wrong token), Unreadable."""
    for receipt in ctx.messages.open_sms_receipts(token, ctx.body):
        await accept_receipt(ctx, receipt)


async def accept_receipt(ctx: Context, receipt: Receipt) -> None:
    """Remember what became of one message; the first proof of a last warning starts the delay.

    A receipt may be faster than the provider's answer that names its message: it is kept and tried again.
    """
    if not await match_receipt(ctx, receipt):
        await unit_of_work(lambda: keep_receipt(ctx, receipt), "keep_receipt")


async def match_receipt(ctx: Context, receipt: Receipt) -> bool:
    """Give a receipt to its message; False when no message has its number (yet)."""
    delivery = await Delivery.get_or_none(channel=receipt.channel.value, provider_id=receipt.provider_id)
    if delivery is None:
        return False
    count_message(receipt.channel.value, "delivered" if receipt.delivered else "undelivered")
    notice = await Notice.get(id=delivery.notice_id)
    await unit_of_work(lambda: _note(ctx, delivery.id, notice, receipt), "accept_receipt")
    return True


async def _note(ctx: Context, delivery_id: int, notice: Notice, receipt: Receipt) -> None:
    account = await lock_account(notice.account_id)
    delivery = await Delivery.get(id=delivery_id)
    if delivery.state in {DeliveryState.DELIVERED, DeliveryState.FAILED}:
        return
    now = ctx.clock.now()
    delivery.state = DeliveryState.DELIVERED if receipt.delivered else DeliveryState.FAILED
    delivery.receipt_at, delivery.code = receipt.at, receipt.code[:64]
    await delivery.save(update_fields=["state", "receipt_at", "code"])
    if not receipt.delivered:
        await send_notice(ctx, notice.id)  # The next channel, if there is one.
        return
    await Notice.filter(id=notice.id, delivered_at=None).update(delivered_at=now)
    if notice.episode_id is not None:
        await _prove(ctx, account, notice.episode_id, f"{delivery.channel}:{delivery.id}")
    wake(ctx, f"live:{notice.site_id}")


async def _prove(ctx: Context, account: Account, episode_id: int, proof: str) -> None:
    changed = await ArrearsEpisode.filter(id=episode_id, proof_at=None, ended_at=None).update(
        proof_at=ctx.clock.now(), proof=proof[:64]
    )
    if changed:
        await decide_account(ctx, account, cause=f"proof:{episode_id}")


async def _accept(ctx: Context, event: WechatEvent) -> None:
    match event:
        case SubscribeReceipt() | TemplateReceipt():
            await accept_receipt(ctx, event.receipt)
        case SubscribeConsent():
            await unit_of_work(lambda: _consent(ctx, event), "accept_event")
        case Followed() | Unfollowed():
            await _follow(ctx, event)


async def _consent(ctx: Context, event: SubscribeConsent) -> None:
    """Keep the consent ledger: an accepted question is one more message.

    Saying no to one question takes nothing back; switching the template off in the settings takes all.
    """
    # One statement: the first answers to several questions may come in the same moment.
    columns = ["id", "openid", "template_id", "`left`", "last_event"]
    sql = upsert_sql("consent", columns, ["openid", "template_id"], keep=["id", "`left`", "last_event"])
    await run(sql, [ctx.ids.new(), event.openid, event.template_id, 0, ""])
    wanted = Consent.filter(openid=event.openid, template_id=event.template_id)
    row = await wanted.select_for_update().get()
    if row.last_event == event.key:
        return
    if event.source is ConsentSource.CHANGE and not event.accepted:
        row.left = 0
    elif event.source is ConsentSource.POPUP and event.accepted:
        row.left += 1
    row.last_event = event.key[:128]
    await row.save(update_fields=["left", "last_event"])


async def _follow(ctx: Context, event: Followed | Unfollowed) -> None:
    """Learn who follows the service account. The tenant is found by unionid, or was known before."""
    if isinstance(event, Unfollowed):
        await unit_of_work(lambda: _unfollow(event.openid), "accept_event")
        return
    identity = await ctx.messages.follower(event.openid)

    async def work() -> None:
        wanted = Tenant.filter(service_openid=event.openid)
        if identity.unionid is not None and not await wanted.exists():
            wanted = Tenant.filter(unionid=identity.unionid)
        await wanted.update(service_openid=event.openid, follows=True)

    await unit_of_work(work, "accept_event")


async def _unfollow(openid: str) -> None:
    await Tenant.filter(service_openid=openid).update(follows=False)

"""Bring a notice to people (发送通知): ask the cascade, hand over, remember what the provider said.

Each way is tried once: it is written down before it is handed over, so that a process that dies in
between never sends twice; the cascade then goes on to the next way. No network call inside a transaction.
"""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.messages.cascade import Recipient, Step, Tried, TriedState, Way, next_step
from backend.messages.port import ChannelName, Message, NoticeLevel, SendResult, SendState
from backend.messages.templates import NoticeFacts, compose, template_id
from backend.metrics import count_message
from backend.models.accounts import Account, Contact
from backend.models.messages import Consent, Delivery, DeliveryState, Notice
from backend.models.people import Binding, Tenant
from backend.models.site import Shop
from backend.models.supply import ArrearsEpisode
from backend.services.site_policy import policy_of
from backend.services.tasks import NO_PROOF, open_task
from backend.services.work import wake
from backend.store import unit_of_work
from common.units import Fen

_STATES = {
    SendState.ACCEPTED: DeliveryState.ACCEPTED,
    SendState.FAILED: DeliveryState.FAILED,
    SendState.UNKNOWN: DeliveryState.UNKNOWN,
}


class _Facts(Struct):
    estimated_fen: int | None = None
    days_left: float | None = None


async def bring_notice(ctx: Context, notice_id: int) -> datetime | None:
    """Take the next steps for a notice; return when to look again, None when it is at its end."""
    notice = await Notice.get(id=notice_id)
    step, deliveries = await unit_of_work(lambda: _plan(ctx, notice), "send_notice")
    for delivery in deliveries:
        await _hand_over(ctx, notice, delivery)
    if deliveries and not step.done:
        return ctx.clock.now()  # What a provider refused at once goes on with the next way.
    return None if step.done else step.look_at


async def _plan(ctx: Context, notice: Notice) -> tuple[Step, list[Delivery]]:
    now = ctx.clock.now()
    level = NoticeLevel(notice.level)
    if notice.episode_id is not None and level is NoticeLevel.LAST:
        episode = await ArrearsEpisode.get(id=notice.episode_id)
        if episode.ended_at is not None:
            return Step(send=[], done=True), []  # Paid meanwhile: nobody needs this any more.
    account = await Account.get(id=notice.account_id)
    tried = await Delivery.filter(notice_id=notice.id).order_by("id")
    step = next_step(
        level,
        notice.made_at,
        await _recipients(ctx, account, level),
        [_tried(row) for row in tried],
        now,
    )
    deliveries = [await _queue(ctx, notice, way, now) for way in step.send]
    if step.ask_staff:
        await _ask_staff(ctx, notice, account, level)
    return step, deliveries


async def _recipients(ctx: Context, account: Account, level: NoticeLevel) -> list[Recipient]:
    """Name everybody who is to know: bound tenants, and verified contacts who are not among them."""
    setting = ctx.settings.mini_program.templates.get(level.value) or ctx.settings.mini_program.templates.get(
        level.value.lower(), ""
    )
    bound = [row.tenant_id for row in await Binding.filter(account_id=account.id, revoked_at=None)]
    people: list[Recipient] = []
    contacts = await Contact.filter(
        account_id=account.id, verified_at__isnull=False, removed_at=None
    ).order_by("id")
    phones = [row.phone for row in contacts]
    for tenant in await Tenant.filter(id__in=bound).order_by("id"):
        consent = await Consent.get_or_none(openid=tenant.openid, template_id=template_id(setting))
        people.append(
            Recipient(
                openid=tenant.openid,
                consents=consent.left if consent else 0,
                service_openid=tenant.service_openid or "",
                follows=tenant.follows,
                phone=phones.pop(0) if phones else "",
            )
        )
    return [*people, *(Recipient(phone=phone) for phone in phones)]


async def _queue(ctx: Context, notice: Notice, way: Way, now: datetime) -> Delivery:
    return await Delivery.create(
        id=ctx.ids.new(),
        notice_id=notice.id,
        channel=way.channel.value,
        address=way.address,
        state=DeliveryState.QUEUED,
        queued_at=now,
        sent_at=now,
    )


async def _hand_over(ctx: Context, notice: Notice, delivery: Delivery) -> None:
    channel = ctx.messages.channel(delivery.channel)
    if channel is None:
        result = SendResult(state=SendState.FAILED, code="not_set_up")
    else:
        result = await channel.send(await _message(notice, delivery))
    count_message(delivery.channel, result.state.value)
    await unit_of_work(lambda: _remember(ctx, notice, delivery, result), "message_sent")


async def _message(notice: Notice, delivery: Delivery) -> Message:
    account = await Account.get(id=notice.account_id)
    shop = await Shop.get(id=account.shop_id)
    facts = msgspec.json.decode(notice.facts, type=_Facts)
    level = NoticeLevel(notice.level)
    trip_at = None
    if level is NoticeLevel.LAST:
        policy = await policy_of(notice.site_id)
        trip_at = notice.made_at + timedelta(seconds=policy.delay_s)
    values = compose(
        level,
        NoticeFacts(
            shop=f"{shop.code} {shop.name}",
            estimated_fen=Fen(facts.estimated_fen or 0),
            at=notice.made_at,
            days=facts.days_left,
            trip_at=trip_at,
        ),
    )
    return Message(
        notice_id=notice.id,
        delivery_id=delivery.id,
        level=level,
        address=delivery.address,
        values=values,
        page=f"pages/home/index?account={account.id}",
    )


async def _remember(ctx: Context, notice: Notice, delivery: Delivery, result: SendResult) -> None:
    # A receipt may have been faster than the answer: it is not taken back.
    await Delivery.filter(id=delivery.id, state=DeliveryState.QUEUED).update(
        state=_STATES[result.state], code=result.code[:64]
    )
    if result.provider_id:
        await Delivery.filter(id=delivery.id).update(provider_id=result.provider_id[:128])
    if delivery.channel == ChannelName.SUBSCRIBE.value and (result.spends_consent or result.consent_gone):
        await _spend_consent(ctx, notice, delivery, is_gone=result.consent_gone)
    wake(ctx, f"live:{notice.site_id}")


async def _spend_consent(ctx: Context, notice: Notice, delivery: Delivery, *, is_gone: bool) -> None:
    templates = ctx.settings.mini_program.templates
    setting = templates.get(notice.level) or templates.get(notice.level.lower(), "")
    wanted = Consent.filter(openid=delivery.address, template_id=template_id(setting))
    row = await wanted.select_for_update().first()
    if row is not None:
        row.left = 0 if is_gone else max(0, row.left - 1)
        await row.save(update_fields=["left"])


async def _ask_staff(ctx: Context, notice: Notice, account: Account, level: NoticeLevel) -> None:
    shop = await Shop.get(id=account.shop_id)
    await Notice.filter(id=notice.id, exhausted_at=None).update(exhausted_at=ctx.clock.now())
    is_last = level is NoticeLevel.LAST
    if is_last and await ArrearsEpisode.exists(id=notice.episode_id, proof_at__isnull=False):
        return  # Somebody is known to know, by another notice or by a person's word.
    # The last warning's task is the one that stands for the proof of notice.
    cause = f"no_proof:{notice.episode_id}" if is_last else f"unreached:{notice.id}"
    await open_task(
        ctx,
        notice.site_id,
        NO_PROOF if is_last else "unreached",
        cause=cause,
        text=f"{shop.code} {shop.name}：提醒没有送达回执，请电话通知并登记",
        account_id=account.id,
    )


def _tried(row: Delivery) -> Tried:
    return Tried(
        channel=ChannelName(row.channel),
        address=row.address,
        state=TriedState(row.state.value),
        queued_at=row.queued_at,
        sent_at=row.sent_at,
    )

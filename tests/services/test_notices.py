"""Notices on their way to people: the cascade, its receipts, the consent ledger, proof of notice."""

from datetime import timedelta

import pytest

from backend.errors import NotFound
from backend.messages.events import (
    ConsentSource,
    Followed,
    SubscribeConsent,
    SubscribeReceipt,
    Unfollowed,
    WechatEvent,
)
from backend.messages.port import ChannelName, NoticeLevel, Receipt, SendResult, SendState
from backend.models.messages import Consent, Delivery, DeliveryState, Notice
from backend.models.people import Tenant
from backend.models.supply import ArrearsEpisode
from backend.services.accept_events import accept_events, accept_receipt, accept_sms_receipts
from backend.services.notify import bring_notice
from backend.store import rows
from tests.services.mall import SmallMall

PHONE = "13900000001"
REFUSED = SendResult(state=SendState.FAILED, code="refused")


def receipt(mall: SmallMall, way: ChannelName, number: int = 1, *, delivered: bool = True) -> Receipt:
    return Receipt(
        channel=way,
        provider_id=f"{way.value}-{number}",
        address="",
        delivered=delivered,
        code="0",
        at=mall.clock.now(),
    )


async def bind(mall: SmallMall, *, consents: int = 0, follows: bool = False) -> Tenant:
    """Bind a phone that allows so many messages of each kind."""
    ctx = await mall.as_tenant(openid="mini-1")
    if follows:
        await Tenant.filter(id=ctx.caller.id).update(service_openid="service-1", follows=True)
    for template in ("T-LOW", "T-CRITICAL", "T-LAST") if consents else ():
        await Consent.create(id=mall.ctx.ids.new(), openid="mini-1", template_id=template, left=consents)
    return await Tenant.get(id=ctx.caller.id)


async def low(mall: SmallMall) -> None:
    """Let a shop fall below the first level."""
    await mall.pay(10_100)
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=2_000)
    await mall.runner.run_due()


async def arrears(mall: SmallMall) -> None:
    """Let arrears begin; only the last warning is on its way."""
    await mall.drain()
    await Notice.exclude(level="LAST").delete()
    await mall.runner.run_due()


async def told(mall: SmallMall, way: ChannelName) -> list[NoticeLevel]:
    return mall.gateway.ways[way.value].levels


async def deliveries(mall: SmallMall) -> dict[str, str]:
    return {row.channel: row.state.value for row in await Delivery.all().order_by("id")}


async def test_a_phone_with_consent_is_told_in_the_mini_program_first(mall: SmallMall) -> None:
    await bind(mall, consents=2, follows=True)

    await low(mall)

    assert await deliveries(mall) == {"subscribe": "accepted"}
    (message,) = mall.gateway.ways["subscribe"].sent
    assert message.address == "mini-1"
    assert message.values == {
        "shop": "A001 商铺A001",
        "balance": "99.09",
        "state": "可用天数暂无法估算",
        "at": "2026年3月2日 10:40",
        "hint": "余额偏低，请及时交电费",
    }
    assert (await Consent.get(template_id="T-LOW")).left == 1


async def test_a_follower_without_consent_is_told_by_template_message(mall: SmallMall) -> None:
    await bind(mall, follows=True)

    await low(mall)

    assert await deliveries(mall) == {"template": "accepted"}


async def test_nobody_bound_is_told_by_text_message(mall: SmallMall) -> None:
    await low(mall)

    assert [one.address for one in mall.gateway.ways["sms"].sent] == [PHONE]


async def test_what_a_provider_refuses_goes_on_with_the_next_way_at_once(mall: SmallMall) -> None:
    await bind(mall, consents=1, follows=True)
    for way in ("subscribe", "template"):
        mall.gateway.ways[way].answers.append(REFUSED)

    await low(mall)

    assert await deliveries(mall) == {"subscribe": "failed", "template": "failed", "sms": "accepted"}


async def test_a_consent_that_the_provider_does_not_hold_is_gone(mall: SmallMall) -> None:
    await bind(mall, consents=3)
    gone = SendResult(state=SendState.FAILED, code="43101", consent_gone=True)
    mall.gateway.ways["subscribe"].answers.append(gone)

    await low(mall)

    assert (await Consent.get(template_id="T-LOW")).left == 0
    assert (await Consent.get(template_id="T-LAST")).left == 3


async def test_without_a_receipt_the_next_way_follows_and_then_a_person(mall: SmallMall) -> None:
    await bind(mall, consents=1)
    await low(mall)

    await mall.wait(121, shop=None)
    assert await deliveries(mall) == {"subscribe": "accepted", "sms": "accepted"}
    await mall.wait(121, shop=None)

    assert await mall.tasks() == ["unreached"]


async def test_a_receipt_ends_the_cascade(mall: SmallMall) -> None:
    await bind(mall, consents=1)
    await low(mall)

    await accept_receipt(mall.ctx, receipt(mall, ChannelName.SUBSCRIBE))
    await mall.wait(600, shop=None)

    assert await deliveries(mall) == {"subscribe": "delivered"}
    assert (await Notice.get()).delivered_at is not None
    assert await mall.tasks() == []


async def test_a_receipt_of_failure_goes_on_with_the_next_way_at_once(mall: SmallMall) -> None:
    await bind(mall, consents=1)
    await low(mall)

    await accept_receipt(mall.ctx, receipt(mall, ChannelName.SUBSCRIBE, delivered=False))
    await mall.runner.run_due()

    assert await deliveries(mall) == {"subscribe": "failed", "sms": "accepted"}


async def test_the_last_warning_goes_out_on_wechat_and_by_text_together(mall: SmallMall) -> None:
    await bind(mall, consents=1)

    await arrears(mall)

    assert await deliveries(mall) == {"subscribe": "accepted", "sms": "accepted"}
    (message,) = mall.gateway.ways["sms"].sent
    assert message.values["hint"] == "最早3月2日10:41断电，请交费"
    assert message.values["state"] == "已欠费0.15元"


@pytest.mark.mariadb
async def test_the_first_receipt_of_the_last_warning_starts_the_delay(mall: SmallMall) -> None:
    await arrears(mall)
    assert await mall.holds() == ["no_proof"]

    await accept_receipt(mall.ctx, receipt(mall, ChannelName.SMS))

    episode = await ArrearsEpisode.get()
    assert episode.proof_at == mall.clock.now()
    assert episode.proof.startswith("sms:")
    assert await mall.holds() == ["delay"]
    mall.clock.advance(30)
    await accept_receipt(mall.ctx, receipt(mall, ChannelName.SMS))
    assert (await ArrearsEpisode.get()).proof_at == episode.proof_at


async def test_a_receipt_of_a_low_warning_proves_nothing_for_the_trip(mall: SmallMall) -> None:
    await low(mall)

    await accept_receipt(mall.ctx, receipt(mall, ChannelName.SMS))
    await mall.pay(100)

    assert await ArrearsEpisode.all().count() == 0


async def test_a_last_warning_that_nobody_got_is_a_task_and_no_proof(mall: SmallMall) -> None:
    mall.gateway.ways["sms"].answers.append(REFUSED)

    await arrears(mall)

    assert await mall.tasks() == ["no_proof"]
    assert (await ArrearsEpisode.get()).proof_at is None


async def test_an_unsure_provider_proves_nothing_and_after_ten_minutes_a_person_calls(
    mall: SmallMall,
) -> None:
    mall.gateway.ways["sms"].answers.append(SendResult(state=SendState.UNKNOWN, code="timeout"))
    await arrears(mall)
    assert await mall.tasks() == []

    await mall.wait(601, shop=None)

    assert await mall.tasks() == ["no_proof"]
    assert await deliveries(mall) == {"sms": "unknown"}


async def test_whoever_has_paid_is_no_longer_warned(mall: SmallMall) -> None:
    await mall.drain()
    await mall.pay(5_000)

    await mall.runner.run_due()

    assert NoticeLevel.LAST not in await told(mall, ChannelName.SMS)


async def test_a_notice_is_handed_over_once_however_often_its_job_runs(mall: SmallMall) -> None:
    await low(mall)
    notice = await Notice.get()
    for _ in range(3):
        await bring_notice(mall.ctx, notice.id)

    assert len(mall.gateway.ways["sms"].sent) == 1


@pytest.mark.mariadb
async def test_a_receipt_that_is_faster_than_the_providers_answer_is_not_lost(mall: SmallMall) -> None:
    async def at_once(number: str) -> None:
        await accept_receipt(mall.ctx, receipt(mall, ChannelName.SMS))
        await accept_receipt(mall.ctx, receipt(mall, ChannelName.SMS))

    mall.gateway.ways["sms"].while_sending = at_once
    await arrears(mall)

    await mall.wait(3, shop=None)

    assert await deliveries(mall) == {"sms": "delivered"}
    assert (await ArrearsEpisode.get()).proof_at is not None
    assert await rows("SELECT * FROM outbox WHERE kind = 'match_receipt'") == []


async def test_a_receipt_of_a_message_that_is_not_ours_is_let_go(mall: SmallMall) -> None:
    await accept_receipt(mall.ctx, receipt(mall, ChannelName.SMS))
    for _ in range(30):
        await mall.wait(5, shop=None)

    assert await rows("SELECT * FROM outbox") == []


async def test_text_receipts_need_the_token_of_the_address(mall: SmallMall) -> None:
    await low(mall)
    mall.gateway.receipts = [receipt(mall, ChannelName.SMS)]

    with pytest.raises(NotFound):
        await accept_sms_receipts(mall.ctx, "wrong")
    assert await deliveries(mall) == {"sms": "accepted"}

    await accept_sms_receipts(mall.ctx, "token")
    assert (await Delivery.get()).state is DeliveryState.DELIVERED


async def take(mall: SmallMall, *events: WechatEvent) -> None:
    mall.gateway.events = list(events)
    await accept_events(mall.ctx, "mini-program", {})


def consent(
    mall: SmallMall, number: int, *, accepted: bool = True, source: ConsentSource = ConsentSource.POPUP
) -> SubscribeConsent:
    return SubscribeConsent(
        key=f"k{number}",
        openid="mini-1",
        at=mall.clock.now(),
        template_id="T-LOW",
        accepted=accepted,
        source=source,
    )


async def left() -> int:
    row = await Consent.get_or_none(openid="mini-1", template_id="T-LOW")
    return row.left if row else -1


@pytest.mark.mariadb
async def test_each_accepted_question_is_one_more_message_and_counts_once(mall: SmallMall) -> None:
    await take(mall, consent(mall, 1), consent(mall, 1), consent(mall, 2))

    assert await left() == 2


async def test_saying_no_to_a_question_takes_nothing_back(mall: SmallMall) -> None:
    await take(mall, consent(mall, 1), consent(mall, 2, accepted=False))

    assert await left() == 1


async def test_switching_a_template_off_takes_all(mall: SmallMall) -> None:
    await take(mall, consent(mall, 1), consent(mall, 2, accepted=False, source=ConsentSource.CHANGE))

    assert await left() == 0


async def test_switching_a_template_on_is_no_message_more(mall: SmallMall) -> None:
    await take(mall, consent(mall, 1), consent(mall, 2, source=ConsentSource.CHANGE))

    assert await left() == 1


async def test_a_pushed_receipt_is_taken_with_its_event(mall: SmallMall) -> None:
    await bind(mall, consents=1)
    await low(mall)
    pushed = receipt(mall, ChannelName.SUBSCRIBE)

    await take(
        mall,
        SubscribeReceipt(key="r", openid="mini-1", at=mall.clock.now(), template_id="T-LOW", receipt=pushed),
    )

    assert await deliveries(mall) == {"subscribe": "delivered"}


async def test_a_follower_is_known_by_the_unionid_and_forgotten_when_gone(mall: SmallMall) -> None:
    tenant = await bind(mall)
    await Tenant.filter(id=tenant.id).update(unionid="union-1")
    mall.gateway.unionids["service-9"] = "union-1"
    at = mall.clock.now() - timedelta(seconds=1)

    await take(mall, Followed(key="f", openid="service-9", at=at))
    known = await Tenant.get(id=tenant.id)
    await take(mall, Unfollowed(key="u", openid="service-9", at=at))

    assert (known.service_openid, known.follows) == ("service-9", True)
    assert (await Tenant.get(id=tenant.id)).follows is False

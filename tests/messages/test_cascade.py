"""Which channel next: nobody is forgotten, nobody is told twice, silence ends with a person."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.messages.cascade import PROOF_WITHIN, Recipient, Step, Tried, TriedState, Way, next_step
from backend.messages.port import ChannelName, NoticeLevel
from tests.messages.conftest import STARTED_AT

SUBSCRIBE, TEMPLATE, SMS = ChannelName.SUBSCRIBE, ChannelName.TEMPLATE, ChannelName.SMS
QUEUED, ACCEPTED, DELIVERED = TriedState.QUEUED, TriedState.ACCEPTED, TriedState.DELIVERED
FAILED, UNKNOWN = TriedState.FAILED, TriedState.UNKNOWN
LOW, LAST, RESTORED = NoticeLevel.LOW, NoticeLevel.LAST, NoticeLevel.RESTORED

MANAGER = Recipient(openid="o1", consents=1, service_openid="s1", follows=True, phone="1")
DEPUTY = Recipient(openid="o2", consents=1, phone="2")
BY_SUBSCRIBE, BY_TEMPLATE, BY_SMS = Way(SUBSCRIBE, "o1"), Way(TEMPLATE, "s1"), Way(SMS, "1")


def at(seconds: float) -> datetime:
    return STARTED_AT + timedelta(seconds=seconds)


def tried(way: Way, state: TriedState, sent: float = 0) -> Tried:
    return Tried(channel=way.channel, address=way.address, state=state, queued_at=at(sent), sent_at=at(sent))


def step(level: NoticeLevel, *tries: Tried, people: list[Recipient] | None = None, after: float = 0) -> Step:
    return next_step(level, STARTED_AT, people or [MANAGER], tries, at(after))


def test_a_low_balance_goes_out_as_a_subscribe_message_first() -> None:
    assert step(LOW) == Step(send=[BY_SUBSCRIBE], look_at=at(120))


@pytest.mark.parametrize(
    ("person", "way"),
    [
        (Recipient(openid="o1", consents=0, service_openid="s1", follows=True, phone="1"), BY_TEMPLATE),
        (Recipient(openid="o1", consents=0, service_openid="s1", follows=False, phone="1"), BY_SMS),
        (Recipient(phone="1"), BY_SMS),
    ],
)
def test_a_way_that_is_closed_is_left_out(person: Recipient, way: Way) -> None:
    assert step(LOW, people=[person]).send == [way]


@pytest.mark.parametrize("state", [QUEUED, ACCEPTED])
def test_a_message_under_way_is_waited_for(state: TriedState) -> None:
    assert step(LOW, tried(BY_SUBSCRIBE, state), after=60) == Step(send=[], look_at=at(120))


@pytest.mark.parametrize("state", [FAILED, UNKNOWN])
def test_a_message_that_failed_or_may_have_is_followed_at_once(state: TriedState) -> None:
    assert step(LOW, tried(BY_SUBSCRIBE, state), after=1).send == [BY_TEMPLATE]


def test_a_receipt_that_does_not_come_is_followed_after_two_minutes() -> None:
    assert step(LOW, tried(BY_SUBSCRIBE, ACCEPTED), after=120).send == [BY_TEMPLATE]


def test_a_consent_spent_by_its_own_message_keeps_the_message_waited_for() -> None:
    spent = Recipient(openid="o1", consents=0, service_openid="s1", follows=True, phone="1")

    assert step(LOW, tried(BY_SUBSCRIBE, ACCEPTED), people=[spent], after=60).send == []


def test_a_low_balance_that_reached_somebody_is_done() -> None:
    assert step(LOW, tried(BY_SUBSCRIBE, DELIVERED), after=3) == Step(send=[], done=True)


def test_a_low_balance_that_reached_nobody_is_a_task_for_staff() -> None:
    tries = [tried(BY_SUBSCRIBE, FAILED), tried(BY_TEMPLATE, FAILED), tried(BY_SMS, ACCEPTED, 1)]

    assert step(LOW, *tries, after=121) == Step(send=[], ask_staff=True, done=True)


def test_an_account_without_any_way_is_a_task_for_staff_at_once() -> None:
    assert step(LOW, people=[Recipient()]) == Step(send=[], ask_staff=True, done=True)


def test_nobody_is_bothered_about_good_news_that_did_not_arrive() -> None:
    assert step(RESTORED, people=[Recipient()]) == Step(send=[], done=True)


def test_the_last_warning_goes_out_on_wechat_and_sms_together() -> None:
    assert step(LAST) == Step(send=[BY_SUBSCRIBE, BY_SMS], look_at=at(30))


def test_the_last_warning_waits_thirty_seconds_for_a_receipt() -> None:
    tries = [tried(BY_SUBSCRIBE, ACCEPTED), tried(BY_SMS, ACCEPTED)]

    assert step(LAST, *tries, after=29).send == []
    assert step(LAST, *tries, after=30).send == [BY_TEMPLATE]


def test_the_last_warning_without_proof_is_a_task_after_ten_minutes() -> None:
    tries = [tried(BY_SUBSCRIBE, UNKNOWN), tried(BY_TEMPLATE, ACCEPTED), tried(BY_SMS, ACCEPTED)]

    assert step(LAST, *tries, after=300) == Step(send=[], look_at=STARTED_AT + PROOF_WITHIN)
    assert step(LAST, *tries, after=600) == Step(send=[], ask_staff=True, done=True)


def test_the_last_warning_refused_everywhere_is_a_task_at_once() -> None:
    tries = [tried(BY_SUBSCRIBE, FAILED), tried(BY_TEMPLATE, FAILED), tried(BY_SMS, FAILED)]

    assert step(LAST, *tries, after=2) == Step(send=[], ask_staff=True, done=True)


def test_a_late_queue_asks_staff_after_ten_minutes_and_still_sends() -> None:
    tries = [tried(BY_SUBSCRIBE, FAILED, 595), tried(BY_SMS, QUEUED, 595)]

    late = step(LAST, *tries, after=601)

    assert (late.send, late.ask_staff, late.done) == ([BY_TEMPLATE], True, False)


def test_every_person_named_is_told() -> None:
    assert step(LOW, people=[MANAGER, DEPUTY]).send == [BY_SUBSCRIBE, Way(SUBSCRIBE, "o2")]


def test_who_was_not_tried_is_told_after_somebody_else_was_reached() -> None:
    late_comer = step(LOW, tried(BY_SUBSCRIBE, DELIVERED), people=[MANAGER, DEPUTY], after=5)

    assert late_comer == Step(send=[Way(SUBSCRIBE, "o2")], done=True)


def test_two_people_with_one_phone_get_one_text() -> None:
    people = [Recipient(phone="1"), Recipient(phone="1")]

    assert step(LAST, people=people).send == [BY_SMS]


def test_quiet_hours_hold_a_low_balance_and_never_the_last_warning() -> None:
    morning = at(3_600)

    held = next_step(LOW, STARTED_AT, [MANAGER], [], at(0), held_until=morning)
    last = next_step(LAST, STARTED_AT, [MANAGER], [], at(0), held_until=morning)

    assert held == Step(send=[], look_at=morning)
    assert last.send == [BY_SUBSCRIBE, BY_SMS]


def test_quiet_hours_that_are_over_hold_nothing() -> None:
    assert next_step(LOW, STARTED_AT, [MANAGER], [], at(60), held_until=at(60)).send == [BY_SUBSCRIBE]


people_strategy = st.lists(
    st.builds(
        Recipient,
        openid=st.sampled_from(["", "o1", "o2"]),
        consents=st.integers(0, 2),
        service_openid=st.sampled_from(["", "s1", "s2"]),
        follows=st.booleans(),
        phone=st.sampled_from(["", "1", "2"]),
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(
    level=st.sampled_from(NoticeLevel),
    people=people_strategy,
    outcomes=st.lists(st.sampled_from([ACCEPTED, DELIVERED, FAILED, UNKNOWN]), min_size=12, max_size=12),
)
def test_a_notice_always_ends_and_no_address_is_sent_to_twice(
    level: NoticeLevel, people: list[Recipient], outcomes: list[TriedState]
) -> None:
    tries: list[Tried] = []
    now, asked = STARTED_AT, False
    for _ in range(30):
        decided = next_step(level, STARTED_AT, people, tries, now)
        assert decided == next_step(level, STARTED_AT, people, tries, now)
        for way in decided.send:
            assert way not in [Way(one.channel, one.address) for one in tries]
            assert way.address
            tries.append(
                Tried(
                    channel=way.channel,
                    address=way.address,
                    state=outcomes[len(tries) % 12],
                    queued_at=now,
                    sent_at=now,
                )
            )
        asked = asked or decided.ask_staff
        if decided.done:
            break
        assert decided.look_at is not None
        assert decided.look_at > now
        now = decided.look_at
    else:
        raise AssertionError("the cascade did not end")
    is_proved = any(one.state is DELIVERED for one in tries)
    if level in {NoticeLevel.LAST, NoticeLevel.LOW}:
        assert is_proved or asked
    assert now <= STARTED_AT + timedelta(minutes=15)

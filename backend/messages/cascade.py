"""Which channel next (通知级联): pure rules over what was tried and what came of it.

Each person is tried on subscribe message (while a consent is left), then template message (while
following), then SMS. The last warning and the news of a trip go out on WeChat and SMS together.
Nothing proved on any channel in time is a task for a person.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from backend.messages.port import ChannelName, NoticeLevel

RECEIPT_WITHIN = timedelta(minutes=2)
RECEIPT_WITHIN_URGENT = timedelta(seconds=30)
PROOF_WITHIN = timedelta(minutes=10)  # Of the first warning of this notice.

_URGENT = {NoticeLevel.LAST, NoticeLevel.TRIPPED}
_AT_ONCE = _URGENT | {NoticeLevel.POWER}  # On WeChat and SMS together: minutes count.
# A task for a person is worth it only where somebody must know. The staff have an alarm of a power limit.
_NEEDS_PERSON = {NoticeLevel.LAST, NoticeLevel.TRIPPED, NoticeLevel.CRITICAL, NoticeLevel.LOW}
_HELD_AT_NIGHT = {NoticeLevel.LOW, NoticeLevel.CRITICAL}


class TriedState(StrEnum):
    """As models.messages.DeliveryState: the same words, so that one is made from the other's value."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Recipient(Struct, frozen=True, kw_only=True):
    """A person and how they can be reached; what is empty is no way to them."""

    openid: str = ""
    consents: int = 0  # Left for the template of this level.
    service_openid: str = ""
    follows: bool = False
    phone: str = ""


class Tried(Struct, frozen=True, kw_only=True):
    """One delivery of this notice. queued_at: when it was decided; sent_at: None until handed over."""

    channel: ChannelName
    address: str
    state: TriedState
    queued_at: datetime
    sent_at: datetime | None = None


class Way(Struct, frozen=True):
    """One channel to one address."""

    channel: ChannelName
    address: str


class Step(Struct, frozen=True, kw_only=True):
    """What to do now.

    send:      deliveries to queue now; never one that was tried.
    ask_staff: nobody was proved to know in time, or no way is left: a person must tell them.
    done:      nothing more to do or to wait for.
    look_at:   when to decide again; None when done.
    """

    send: list[Way]
    ask_staff: bool = False
    done: bool = False
    look_at: datetime | None = None


def next_step(
    level: NoticeLevel,
    made_at: datetime,
    recipients: Sequence[Recipient],
    tried: Sequence[Tried],
    now: datetime,
    *,
    held_until: datetime | None = None,
) -> Step:
    """Decide what follows for a notice; asking again without news gives the same answer.

    held_until: end of the quiet hours that now is in; only low and critical warnings wait for it.
    A person with several addresses is one recipient; the same address is never sent to twice.
    """
    if any(one.state is TriedState.DELIVERED for one in tried):
        # Somebody knows. Whoever was not tried at all is still told, on their first way.
        others = [person for person in recipients if not _tries_of(person, tried)]
        return Step(send=_new_ways(level, others, tried, now), done=True)
    if level in _HELD_AT_NIGHT and held_until is not None and held_until > now and not tried:
        return Step(send=[], look_at=held_until)
    send = _new_ways(level, recipients, tried, now)
    ends = [_ends_at(level, one) for one in tried if _is_open(level, one, now)]
    ends += [now + _patience(level) for _ in send]
    late_at = made_at + PROOF_WITHIN
    is_late = level in _URGENT and now >= late_at
    if not ends and level in _URGENT and not is_late and _may_be_proved(tried):
        return Step(send=[], look_at=late_at)  # The receipt may only be slow.
    if not ends:
        return Step(send=[], ask_staff=level in _NEEDS_PERSON, done=True)
    if level in _URGENT and not is_late:
        ends.append(late_at)
    return Step(send=send, ask_staff=is_late, look_at=min(ends))


def _new_ways(
    level: NoticeLevel, recipients: Sequence[Recipient], tried: Sequence[Tried], now: datetime
) -> list[Way]:
    """Return the ways that are due now, each once, in the order of the recipients."""
    ways = {
        way: None
        for person in recipients
        for line in _lines(level, person)
        for way in _due(level, line, _tries_of(person, tried), now)
    }
    known = {Way(one.channel, one.address) for one in tried}
    return [way for way in ways if way not in known]


def _lines(level: NoticeLevel, person: Recipient) -> list[dict[Way, bool]]:
    """Return the ways to a person, in lines that are worked through side by side.

    The value says whether a way can be used now; one that cannot may still have been tried before.
    """
    wechat = {
        Way(ChannelName.SUBSCRIBE, person.openid): bool(person.openid) and person.consents > 0,
        Way(ChannelName.TEMPLATE, person.service_openid): bool(person.service_openid) and person.follows,
    }
    sms = {Way(ChannelName.SMS, person.phone): bool(person.phone)}
    return [wechat, sms] if level in _AT_ONCE else [wechat | sms]


def _due(level: NoticeLevel, line: dict[Way, bool], tries: Sequence[Tried], now: datetime) -> list[Way]:
    """Return the next way of a line, unless one of its tries may still be proved in time."""
    in_line = {Way(one.channel, one.address): one for one in tries if Way(one.channel, one.address) in line}
    if any(_is_open(level, one, now) for one in in_line.values()):
        return []
    return [way for way, usable in line.items() if usable and way not in in_line][:1]


def _tries_of(person: Recipient, tried: Sequence[Tried]) -> list[Tried]:
    ways = [way for line in _lines(NoticeLevel.LOW, person) for way in line if way.address]
    return [one for one in tried if Way(one.channel, one.address) in ways]


def _is_open(level: NoticeLevel, one: Tried, now: datetime) -> bool:
    is_under_way = one.state in {TriedState.QUEUED, TriedState.ACCEPTED}
    return is_under_way and now < _ends_at(level, one)


def _ends_at(level: NoticeLevel, one: Tried) -> datetime:
    return (one.sent_at or one.queued_at) + _patience(level)


def _patience(level: NoticeLevel) -> timedelta:
    return RECEIPT_WITHIN_URGENT if level in _URGENT else RECEIPT_WITHIN


def _may_be_proved(tried: Sequence[Tried]) -> bool:
    return any(one.state is not TriedState.FAILED for one in tried)

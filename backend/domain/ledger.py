"""The ledger (总账): balanced entries, each with one cause, and a chain of HMACs per account.

Entries are never changed or deleted; a correction is a reversing entry. Credit is positive: a top-up
raises the balance of an account.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from msgspec import Struct, structs

from backend.domain.charging import largest_remainder
from backend.domain.tariffs import ComponentKind
from backend.errors import Bug
from common.units import Fen, Nanoyuan

Fact = str | int | bool | None
_CAUSE = re.compile(
    r"charge(:\d+){5}|(wechat|counter|opening|refund|demo):[\w:.*-]{1,120}|reversal:[\w:.*-]{1,150}", re.ASCII
)
_ACCOUNT = re.compile(r"(balance|granted):\d+|(channel|revenue|opening|demo)(:[a-z_]+)?", re.ASCII)


class EntryKind(StrEnum):
    TOP_UP = "TOP_UP"  # 充值
    ENERGY = "ENERGY"  # 电费扣费
    OPENING = "OPENING"  # 期初余额
    REFUND = "REFUND"  # 退费
    REVERSAL = "REVERSAL"  # 冲正
    DEMO_DRAIN = "DEMO_DRAIN"  # Demo and story alone: takes money off to come near a threshold.


class PostingDraft(Struct, frozen=True):
    ledger_account: str
    amount_fen: Fen


class EntryDraft(Struct, frozen=True):
    """An entry before it has an id. `booked_at` is when it counts."""

    kind: EntryKind
    cause: str
    booked_at: datetime
    postings: tuple[PostingDraft, ...]
    facts: Mapping[str, Fact]


class ChainPart(Struct, frozen=True):
    """One link as it is stored, with the digest of the entry's content as it is now."""

    sequence: int
    digest: str
    hmac: str


def balance_account(account_id: int) -> str:
    """Name the ledger account that holds a shop's paid money."""
    return f"balance:{account_id}"


def charge_cause(account_id: int, meter_id: int, from_ms: int, to_ms: int, revision: int) -> str:
    return f"charge:{account_id}:{meter_id}:{from_ms}:{to_ms}:{revision}"


def top_up_entry(
    *,
    account_id: int,
    amount_fen: Fen,
    cause: str,
    booked_at: datetime,
    channel: str,
    facts: Mapping[str, Fact],
) -> EntryDraft:
    """Money came in through a channel (充值)."""
    legs = (
        PostingDraft(f"channel:{channel}", Fen(-amount_fen)),
        PostingDraft(balance_account(account_id), amount_fen),
    )
    return EntryDraft(EntryKind.TOP_UP, cause, booked_at, legs, facts)


def energy_entry(
    *,
    account_id: int,
    meter_id: int,
    from_ms: int,
    to_ms: int,
    revision: int,
    amount_fen: Fen,
    parts_nano: Sequence[tuple[ComponentKind, Nanoyuan]],
    booked_at: datetime,
    facts: Mapping[str, Fact],
) -> EntryDraft:
    """A charge for energy (扣费): the balance pays each price component, by largest remainder.

    amount_fen: the whole fen of this charge, see charging.charge. A shop that used less than a fen's worth
    gets an entry that moves nothing: its energy is on record, the remainder is carried.
    """
    shares = largest_remainder([(kind, int(nano)) for kind, nano in parts_nano], amount_fen)
    legs = [PostingDraft(balance_account(account_id), Fen(-amount_fen))] if amount_fen else []
    legs += [PostingDraft(f"revenue:{kind.lower()}", Fen(fen)) for kind, fen in shares if fen]
    cause = charge_cause(account_id, meter_id, from_ms, to_ms, revision)
    return EntryDraft(EntryKind.ENERGY, cause, booked_at, tuple(legs), facts)


def demo_drain_entry(*, account_id: int, amount_fen: Fen, cause: str, booked_at: datetime) -> EntryDraft:
    """Take money off in the demo, so that real consumption soon crosses a threshold."""
    legs = (
        PostingDraft(balance_account(account_id), Fen(-amount_fen)),
        PostingDraft("demo", amount_fen),
    )
    return EntryDraft(EntryKind.DEMO_DRAIN, cause, booked_at, legs, {})


def reversal_entry(
    of: EntryDraft, *, booked_at: datetime, reason: str, asked_by: int, approved_by: int
) -> EntryDraft:
    """Undo an entry (冲正): every leg the other way round, with a reason and a second person."""
    if asked_by == approved_by:
        raise Bug(f"{of.cause}: a reversal needs two people")
    if of.kind is EntryKind.REVERSAL:
        raise Bug(f"{of.cause}: a reversal is not reversed; book anew")
    if not reason.strip():
        raise Bug(f"{of.cause}: a reversal says why")
    legs = tuple(PostingDraft(leg.ledger_account, Fen(-leg.amount_fen)) for leg in of.postings)
    facts: dict[str, Fact] = {"reason": reason, "asked_by": asked_by, "approved_by": approved_by}
    return EntryDraft(EntryKind.REVERSAL, f"reversal:{of.cause}", booked_at, legs, facts)


def check(draft: EntryDraft) -> None:
    """Raise Bug unless the entry is one: balanced, no empty leg, a cause, an aware time.

    Only a charge below one fen has no legs at all.
    """
    is_small_charge = draft.kind is EntryKind.ENERGY and not draft.postings
    if sum(leg.amount_fen for leg in draft.postings) != 0:
        raise Bug(f"{draft.cause} does not sum to zero")
    if (len(draft.postings) < 2 and not is_small_charge) or any(
        leg.amount_fen == 0 for leg in draft.postings
    ):
        raise Bug(f"{draft.cause} has an empty or a missing leg")
    for leg in draft.postings:
        if not _ACCOUNT.fullmatch(leg.ledger_account):
            raise Bug(f"{draft.cause} names no ledger account: {leg.ledger_account!r}")
    if not _CAUSE.fullmatch(draft.cause):
        raise Bug(f"not a cause: {draft.cause!r}")
    if draft.booked_at.tzinfo is None:
        raise Bug(f"{draft.cause} is booked at a naive time")


def digest(draft: EntryDraft) -> str:
    """Return SHA-256 of all that an entry says, without ids, in hex."""
    content = [
        draft.kind.value,
        draft.cause,
        draft.booked_at.astimezone(UTC).isoformat(),
        sorted([leg.ledger_account, int(leg.amount_fen)] for leg in draft.postings),
        sorted([key, value] for key, value in draft.facts.items()),
    ]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def same_content(draft: EntryDraft, known_digest: str, known_booked_at: datetime) -> bool:
    """Tell whether an entry repeats one that is booked.

    The time is not compared: the callback and the query bring the same payment at different times.
    """
    return digest(structs.replace(draft, booked_at=known_booked_at)) == known_digest


def chain_hmac(key: bytes, account_id: int, sequence: int, previous: str, entry_digest: str) -> str:
    """Return one link of an account's chain. The key is kept outside the database."""
    message = f"{account_id}\n{sequence}\n{previous}\n{entry_digest}\n".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def first_break(key: bytes, account_id: int, links: Iterable[ChainPart], count: int, head: str) -> int | None:
    """Find the first link that is wrong or missing; None when the chain is whole.

    count, head: what the account row, or an exported daily head, says the chain ends with: they show
    a tail that was cut off.
    """
    previous, number = "", 0
    for link in links:
        number += 1
        wanted = chain_hmac(key, account_id, number, previous, link.digest)
        if link.sequence != number or not hmac.compare_digest(link.hmac, wanted):
            return number
        previous = wanted
    if number != count:
        return min(number, count) + 1
    return None if previous == head else max(number, 1)


def ledger_hash(entries: Iterable[EntryDraft]) -> str:
    """Return SHA-256 over cause, kind, time and postings, sorted by cause, without ids."""
    content = sorted(
        (
            [
                draft.cause,
                draft.kind.value,
                draft.booked_at.astimezone(UTC).isoformat(),
                sorted([leg.ledger_account, int(leg.amount_fen)] for leg in draft.postings),
            ]
            for draft in entries
        ),
        key=lambda item: str(item[0]),
    )
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()

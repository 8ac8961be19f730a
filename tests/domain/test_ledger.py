"""The ledger (总账): entries, their causes, and the chain that shows an edit."""

from collections.abc import Sequence
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from backend.domain.ledger import (
    ChainPart,
    EntryDraft,
    EntryKind,
    PostingDraft,
    chain_hmac,
    charge_cause,
    check,
    demo_drain_entry,
    digest,
    energy_entry,
    first_break,
    ledger_hash,
    reversal_entry,
    same_content,
    top_up_entry,
)
from backend.domain.tariffs import ComponentKind
from backend.errors import Bug
from common.units import Fen, Nanoyuan

from .samples import at

NOON = at("2026-03-02 12:00")
KEY = b"k" * 32
PARTS = (
    (ComponentKind.ENERGY, Nanoyuan(640)),
    (ComponentKind.LINE_LOSS, Nanoyuan(32)),
    (ComponentKind.TRANSMISSION, Nanoyuan(210)),
    (ComponentKind.SYSTEM, Nanoyuan(40)),
    (ComponentKind.FUNDS, Nanoyuan(30)),
)


def top_up(**changes: Any) -> EntryDraft:
    base = top_up_entry(
        account_id=7,
        amount_fen=Fen(20_000),
        cause="wechat:4200001",
        booked_at=NOON,
        channel="wechat",
        facts={"order_no": "PW1", "paid_at": "2026-03-02T04:00:00Z"},
    )
    return structs.replace(base, **changes)


def energy(amount_fen: int, parts: Sequence[tuple[ComponentKind, Nanoyuan]] = PARTS) -> EntryDraft:
    return energy_entry(
        account_id=7,
        meter_id=9,
        from_ms=1_000,
        to_ms=2_000,
        revision=0,
        amount_fen=Fen(amount_fen),
        parts_nano=parts,
        booked_at=NOON,
        facts={"energy_wh": 1_000},
    )


def legs(draft: EntryDraft) -> dict[str, int]:
    return {leg.ledger_account: leg.amount_fen for leg in draft.postings}


def reversal(of: EntryDraft, **changes: Any) -> EntryDraft:
    values = {"booked_at": NOON, "reason": "多收", "asked_by": 1, "approved_by": 2, **changes}
    return reversal_entry(of, **values)


def test_a_top_up_raises_the_balance() -> None:
    draft = top_up()

    check(draft)
    assert legs(draft) == {"channel:wechat": -20_000, "balance:7": 20_000}


def test_a_charge_pays_each_price_component_by_largest_remainder() -> None:
    draft = energy(95)

    check(draft)
    assert draft.cause == "charge:7:9:1000:2000:0" == charge_cause(7, 9, 1_000, 2_000, 0)
    assert legs(draft) == {
        "balance:7": -95,
        "revenue:energy": 64,
        "revenue:line_loss": 3,
        "revenue:transmission": 21,
        "revenue:system": 4,
        "revenue:funds": 3,
    }


def test_a_component_that_gets_no_fen_gets_no_leg() -> None:
    assert legs(energy(1)) == {"balance:7": -1, "revenue:energy": 1}


def test_a_charge_below_a_fen_is_on_record_and_moves_nothing() -> None:
    draft = energy(0)

    check(draft)
    assert draft.postings == ()


def test_a_shop_that_used_nothing_is_charged_what_it_had_left_over() -> None:
    """The fen comes from the carried remainder; no component has a weight of its own."""
    draft = energy(1, [(kind, Nanoyuan(0)) for kind, _ in PARTS])

    check(draft)
    assert legs(draft) == {"balance:7": -1, "revenue:energy": 1}


def test_the_demo_takes_money_off() -> None:
    draft = demo_drain_entry(account_id=7, amount_fen=Fen(500), cause="demo:1", booked_at=NOON)

    check(draft)
    assert legs(draft) == {"balance:7": -500, "demo": 500}


def test_a_reversal_undoes_every_leg() -> None:
    draft = reversal(energy(95))

    check(draft)
    assert legs(draft) == {name: -fen for name, fen in legs(energy(95)).items()}
    assert draft.cause == "reversal:charge:7:9:1000:2000:0"
    assert draft.facts == {"reason": "多收", "asked_by": 1, "approved_by": 2}


def test_a_reversal_needs_two_people() -> None:
    with pytest.raises(Bug):
        reversal(top_up(), approved_by=1)


def test_a_reversal_says_why() -> None:
    with pytest.raises(Bug):
        reversal(top_up(), reason=" ")


def test_a_reversal_is_not_reversed() -> None:
    with pytest.raises(Bug):
        reversal(reversal(top_up()))


def pair(debit: str, credit: str, fen: int = 1, more: int = 0) -> tuple[PostingDraft, ...]:
    return (PostingDraft(debit, Fen(-fen)), PostingDraft(credit, Fen(fen + more)))


@pytest.mark.parametrize(
    "changes",
    [
        {"postings": pair("channel:wechat", "balance:7", more=1)},
        {"postings": pair("channel:wechat", "balance:7", fen=0)},
        {"postings": ()},
        {"postings": (PostingDraft("balance:7", Fen(0)),)},
        {"postings": pair("channel:wechat", "balance:")},
        {"postings": pair("channel:wechat", "balance:7\n")},
        {"postings": pair("channel:wechat", "wallet:7")},
        {"postings": pair("channel:wechat", "balance:７")},
        {"cause": "wechat:"},
        {"cause": "wechat:42\n"},
        {"cause": "42"},
        {"cause": "charge:7:9:1000:2000"},
        {"cause": "charge:a:9:1000:2000:0"},
        {"cause": "paid:42"},
        {"cause": "wechat:" + "4" * 200},
        {"booked_at": NOON.replace(tzinfo=None)},
    ],
)
def test_what_is_no_entry_is_a_bug(changes: dict[str, Any]) -> None:
    with pytest.raises(Bug):
        check(top_up(**changes))


@pytest.mark.parametrize(
    "cause", ["wechat:4200001234202603021234567890", "counter:0b1c-4f", "refund:1", "opening:7"]
)
def test_every_channel_has_its_causes(cause: str) -> None:
    check(top_up(cause=cause))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": EntryKind.REFUND},
        {"cause": "wechat:4200002"},
        {"booked_at": NOON + timedelta(microseconds=1)},
        {"postings": pair("channel:wechat", "balance:7", fen=20_001)},
        {"postings": pair("channel:wechat", "balance:8", fen=20_000)},
        {"facts": {"order_no": "PW1"}},
        {"facts": {"order_no": "PW2", "paid_at": "2026-03-02T04:00:00Z"}},
    ],
    ids=["kind", "cause", "time", "amount", "account", "a-fact-less", "another-fact"],
)
def test_the_digest_covers_all_that_an_entry_says(changes: dict[str, Any]) -> None:
    assert digest(top_up(**changes)) != digest(top_up())


def test_the_digest_knows_no_order_and_no_zone() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    other_way = {"paid_at": "2026-03-02T04:00:00Z", "order_no": "PW1"}

    again = top_up(booked_at=shanghai, facts=other_way, postings=top_up().postings[::-1])

    assert digest(again) == digest(top_up())


def test_the_digest_stays_what_it_was() -> None:
    """Ten years of digests are stored: a change here would call every old entry forged."""
    assert digest(top_up()) == "9c733a1ccf90bdfb6d25c55a4c983158ca6df081d6f9bbeea7b1ac0d458abdc9"


def test_the_same_payment_on_another_leg_of_truth_is_the_same_entry() -> None:
    later = top_up(booked_at=NOON + timedelta(minutes=3))

    assert same_content(later, digest(top_up()), NOON)
    assert not same_content(top_up(postings=pair("channel:wechat", "balance:7", 1)), digest(top_up()), NOON)


def chain(digests: Sequence[str], account_id: int = 7) -> list[ChainPart]:
    parts: list[ChainPart] = []
    for number, content in enumerate(digests, 1):
        previous = parts[-1].hmac if parts else ""
        parts.append(ChainPart(number, content, chain_hmac(KEY, account_id, number, previous, content)))
    return parts


DIGESTS = [f"{number:064x}" for number in range(5)]
WHOLE = chain(DIGESTS)
HEAD = WHOLE[-1].hmac


def test_a_whole_chain_has_no_break() -> None:
    assert first_break(KEY, 7, WHOLE, 5, HEAD) is None
    assert first_break(KEY, 7, [], 0, "") is None


@pytest.mark.parametrize("number", range(1, 6))
def test_an_edited_entry_is_found(number: int) -> None:
    edited = list(WHOLE)
    edited[number - 1] = structs.replace(edited[number - 1], digest="f" * 64)

    assert first_break(KEY, 7, edited, 5, HEAD) == number


@pytest.mark.parametrize("number", range(1, 6))
def test_a_deleted_entry_is_found(number: int) -> None:
    assert first_break(KEY, 7, WHOLE[: number - 1] + WHOLE[number:], 5, HEAD) == number


def test_a_cut_tail_is_found() -> None:
    assert first_break(KEY, 7, WHOLE[:3], 5, HEAD) == 4
    assert first_break(KEY, 7, [], 5, HEAD) == 1


def test_a_cut_tail_is_found_even_when_the_count_was_lowered() -> None:
    assert first_break(KEY, 7, WHOLE[:3], 3, HEAD) == 3
    assert first_break(KEY, 7, [], 0, HEAD) == 1


def test_a_link_too_many_is_found() -> None:
    assert first_break(KEY, 7, WHOLE, 4, WHOLE[3].hmac) == 5


def test_two_entries_that_changed_places_are_found() -> None:
    assert first_break(KEY, 7, [WHOLE[1], WHOLE[0], *WHOLE[2:]], 5, HEAD) == 1


def test_a_chain_is_forged_neither_without_the_key_nor_from_another_account() -> None:
    assert first_break(b"other", 7, WHOLE, 5, HEAD) == 1
    assert first_break(KEY, 8, WHOLE, 5, HEAD) == 1


def test_the_ledger_hash_knows_no_order_and_no_ids() -> None:
    assert ledger_hash([top_up(), energy(95)]) == ledger_hash([energy(95), top_up()])


def test_the_ledger_hash_sees_a_fen() -> None:
    other = top_up(postings=pair("channel:wechat", "balance:7", fen=20_001))

    assert ledger_hash([other]) != ledger_hash([top_up()])
    assert ledger_hash([]) != ledger_hash([top_up()])


amounts = st.integers(-(10**7), 10**7)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    amounts, st.lists(st.integers(-(10**6), 10**12), min_size=len(ComponentKind), max_size=len(ComponentKind))
)
def test_every_charge_and_its_reversal_sum_to_zero(amount_fen: int, nano: list[int]) -> None:
    parts = [(kind, Nanoyuan(part)) for kind, part in zip(ComponentKind, nano, strict=True)]
    draft = energy(amount_fen, parts)

    check(draft)
    if amount_fen:
        back = reversal(draft)
        check(back)
        assert all(legs(draft)[name] + fen == 0 for name, fen in legs(back).items())

"""A statement of account (对账单): opening + top-ups + corrections − charges − refunds = closing."""

from collections.abc import Iterable

from msgspec import Struct

from backend.domain.ledger import EntryKind
from backend.domain.rmb import amount_in_words
from common.units import Fen


class Moved(Struct, frozen=True):
    """What one entry did to the balance."""

    kind: str
    amount_fen: int


class Sums(Struct, frozen=True, kw_only=True):
    """A period's sums with the equation's signs: charges and refunds are positive when money goes."""

    opening_fen: int
    top_ups_fen: int
    corrections_fen: int  # Reversals, and balances taken over.
    charges_fen: int
    refunds_fen: int
    closing_fen: int  # Read from the ledger by itself, not worked out from the other five.

    @property
    def ties(self) -> bool:
        worked_out = self.opening_fen + self.top_ups_fen + self.corrections_fen
        return worked_out - self.charges_fen - self.refunds_fen == self.closing_fen


def sum_up(opening_fen: int, moved: Iterable[Moved], closing_fen: int) -> Sums:
    """Sort what moved a balance into the equation's places; whatever is none of them is a correction."""
    by_kind: dict[str, int] = {}
    for one in moved:
        by_kind[one.kind] = by_kind.get(one.kind, 0) + one.amount_fen
    top_ups = by_kind.pop(EntryKind.TOP_UP.value, 0)
    charges = -by_kind.pop(EntryKind.ENERGY.value, 0)
    refunds = -by_kind.pop(EntryKind.REFUND.value, 0)
    return Sums(
        opening_fen=opening_fen,
        top_ups_fen=top_ups,
        corrections_fen=sum(by_kind.values()),
        charges_fen=charges,
        refunds_fen=refunds,
        closing_fen=closing_fen,
    )


def balance_in_words(fen: int) -> str:
    """Write a balance, which may be below zero, in formal numerals (大写)."""
    words = amount_in_words(Fen(abs(fen)))
    return words.replace("人民币", "人民币负", 1) if fen < 0 else words

"""A statement's equation."""

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.statement import Moved, balance_in_words, sum_up

KINDS = st.sampled_from(["TOP_UP", "ENERGY", "REFUND", "REVERSAL", "OPENING", "DEMO_DRAIN"])


@given(st.integers(-(10**9), 10**9), st.lists(st.tuples(KINDS, st.integers(-(10**8), 10**8))))
def test_the_equation_holds_for_whatever_moved_the_balance(
    opening: int, moved: list[tuple[str, int]]
) -> None:
    listed = [Moved(kind, fen) for kind, fen in moved]
    closing = opening + sum(one.amount_fen for one in listed)

    assert sum_up(opening, listed, closing).ties
    assert not sum_up(opening, listed, closing + 1).ties


def test_charges_and_refunds_are_positive_when_money_goes() -> None:
    sums = sum_up(0, [Moved("TOP_UP", 500), Moved("ENERGY", -120), Moved("REFUND", -80)], 300)

    assert (sums.top_ups_fen, sums.charges_fen, sums.refunds_fen, sums.ties) == (500, 120, 80, True)


def test_a_balance_below_zero_says_so_in_words() -> None:
    assert balance_in_words(-12_345) == "人民币负壹佰贰拾叁元肆角伍分"
    assert balance_in_words(0) == "人民币零元整"

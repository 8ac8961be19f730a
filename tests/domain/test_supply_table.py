"""The supply decision, row by row of supply_table, and what one line does not show (送电决定)."""

from typing import Any

import pytest

from backend.domain.supply import OpenOrder, Reason, decide, is_arrears
from backend.errors import Bug
from common.units import Fen

from .supply_samples import clock, facts, fresh, line
from .supply_table import TABLE


@pytest.mark.parametrize(("changes", "expected"), [pytest.param(*row[1:], id=row[0]) for row in TABLE])
def test_the_table_decides(changes: dict[str, Any], expected: str) -> None:
    # A row that moves the clock means "at that time", with readings as fresh as ever.
    given = fresh(**changes) if "now" in changes and "read_ats" not in changes else facts(**changes)

    assert line(decide(given)) == expected


def test_the_table_is_wide_enough_and_no_row_stands_twice() -> None:
    assert len(TABLE) >= 60
    assert len({name for name, _, _ in TABLE}) == len(TABLE)


def test_an_order_that_is_not_alone_uses_up_no_hold() -> None:
    order = OpenOrder("PW1", clock("10:55"))

    alone = decide(facts(open_order=order))
    beside = decide(facts(open_order=order, armed=False))

    assert (alone.held_order_no, beside.held_order_no) == ("PW1", None)


def test_the_second_confirming_read_is_wanted_five_seconds_after_the_first() -> None:
    decision = decide(facts(read_ats=(clock("10:59:58"),)))

    assert decision.confirm_due_at == clock("11:00:03")


def test_the_first_confirming_read_is_wanted_at_once() -> None:
    assert decide(facts(read_ats=())).confirm_due_at == clock("11:00")


def test_an_old_first_reading_is_not_waited_for() -> None:
    assert decide(facts(read_ats=(clock("10:50"),))).confirm_due_at == clock("11:00")


def test_arrears_among_the_other_reasons_is_a_bug() -> None:
    with pytest.raises(Bug):
        decide(facts(off_reasons=frozenset({Reason.ARREARS})))


@pytest.mark.parametrize(
    ("before", "estimated_fen", "after"),
    [(False, 0, True), (False, 1, False), (True, 999, True), (True, 1_000, False), (True, None, True)],
)
def test_the_band_begins_below_and_ends_above(before: bool, estimated_fen: int | None, after: bool) -> None:
    estimated = None if estimated_fen is None else Fen(estimated_fen)

    assert is_arrears(before, estimated, Fen(0), Fen(1_000)) is after

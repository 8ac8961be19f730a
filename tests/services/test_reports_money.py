"""Money in the reports is what the ledger holds, to the fen, whichever way it is cut."""

from datetime import date
from random import Random

import pytest

from backend.models.accounts import Account
from backend.reports.catalog import REPORTS
from backend.reports.port import Row, Sheet
from backend.store import rows, run
from common.clock import local
from tests.services.mall import SmallMall
from tests.services.report_books import CHANNELS, ChanceBooks, Moved, make_books

pytestmark = pytest.mark.mariadb
SEEDS = [1, 2, 3]
OF_SALES = ("TOP_UP", "REVERSAL", "REFUND")


def cell(sheet: Sheet, row: Row, key: str) -> int:
    value = row[[one.key for one in sheet.columns].index(key)]
    assert isinstance(value, int)
    return value


def column(sheet: Sheet, key: str) -> list[int]:
    return [cell(sheet, row, key) for row in sheet.rows]


def through_channels(moves: list[Moved]) -> list[Moved]:
    return [one for one in moves if one.kind in OF_SALES and one.channel]


def spans(books: ChanceBooks, seed: int) -> list[tuple[date, date]]:
    random = Random(seed)
    pairs = [sorted(random.randrange(75) for _ in range(2)) for _ in range(3)]
    return [(books.day(0), books.day(74)), *((books.day(a), books.day(b)) for a, b in pairs)]


@pytest.mark.parametrize("seed", SEEDS)
async def test_sales_are_what_was_paid(mall: SmallMall, seed: int) -> None:
    books = await make_books(mall, seed)

    for from_on, to_on in spans(books, seed):
        paid = through_channels(books.between(from_on, to_on))
        for group in ("day", "cashier", "shop"):
            sheet = await REPORTS["sales-by-day"].show(books.asked(from_on, to_on, group=group, page=0))
            assert [one.name for one in sheet.ties if not one.ok] == []
            assert cell(sheet, sheet.totals, "net_fen") == sum(one.fen for one in paid)
            assert sum(column(sheet, "net_fen")) == sum(one.fen for one in paid)
            for channel in CHANNELS:
                gross = sum(one.fen for one in paid if (one.kind, one.channel) == ("TOP_UP", channel))
                assert cell(sheet, sheet.totals, f"channel:{channel}") == gross
                assert sum(column(sheet, f"channel:{channel}")) == gross
            assert cell(sheet, sheet.totals, "count") == sum(one.kind == "TOP_UP" for one in paid)
            given_back = sum(one.fen for one in paid if one.kind == "REVERSAL")
            assert cell(sheet, sheet.totals, "reversed_fen") == given_back


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_day_and_a_month_hold_what_was_paid_in_them(mall: SmallMall, seed: int) -> None:
    books = await make_books(mall, seed)
    asked = books.asked(books.day(0), books.day(74), page=0)
    paid = through_channels(books.between(books.day(0), books.day(74)))

    by_day = await REPORTS["sales-by-day"].show(asked)
    by_month = await REPORTS["sales-by-month"].show(asked)

    for sheet, width in ((by_day, 10), (by_month, 7)):
        for row in sheet.rows:
            mine = [one.fen for one in paid if one.on.isoformat()[:width] == row[0]]
            assert cell(sheet, row, "net_fen") == sum(mine)
    assert by_day.row_count == 75 and by_month.row_count == 3


async def test_a_period_stands_beside_the_one_before(mall: SmallMall) -> None:
    books = await make_books(mall, 4)
    sheet = await REPORTS["sales-by-day"].show(books.asked(books.day(40), books.day(49), page=0))

    for number, row in enumerate(sheet.rows):
        then = [one.fen for one in through_channels(books.moves) if one.on == books.day(30 + number)]
        assert cell(sheet, row, "past_fen") == sum(then)


async def test_a_cashier_sees_what_went_through_their_hands(mall: SmallMall) -> None:
    books = await make_books(mall, 5)
    for cashier in books.cashiers:
        asked = books.asked(books.day(0), books.day(74), staff_id=cashier, page=0)
        sheet = await REPORTS["sales-by-day"].show(asked)
        paid = through_channels(books.between(books.day(0), books.day(74)))
        mine = [one.fen for one in paid if one.staff_id == str(cashier)]

        assert cell(sheet, sheet.totals, "net_fen") == sum(mine) == sum(column(sheet, "net_fen"))
        assert all(one.ok for one in sheet.ties)


@pytest.mark.parametrize("seed", SEEDS)
async def test_each_shop_closes_with_what_it_opened_with_and_moved(mall: SmallMall, seed: int) -> None:
    books = await make_books(mall, seed)

    for from_on, to_on in spans(books, seed):
        sheet = await REPORTS["shops"].show(books.asked(from_on, to_on, page=0))
        assert [one.name for one in sheet.ties if not one.ok] == []
        assert [row[0] for row in sheet.rows] == ["A001", "A002", "A003"]
        for row in sheet.rows:
            account = await mall.account(str(row[0]))
            mine = [one for one in books.moves if one.account_id == account.id]
            within = [one for one in mine if from_on <= one.on <= to_on]
            assert cell(sheet, row, "opening_fen") == sum(one.fen for one in mine if one.on < from_on)
            assert cell(sheet, row, "closing_fen") == sum(one.fen for one in mine if one.on <= to_on)
            assert cell(sheet, row, "top_up_fen") == sum(one.fen for one in within if one.kind == "TOP_UP")
            assert cell(sheet, row, "charged_fen") == -sum(one.fen for one in within if one.kind == "ENERGY")
            assert cell(sheet, row, "refunded_fen") == -sum(one.fen for one in within if one.kind == "REFUND")
            assert cell(sheet, row, "check_fen") == 0
        for key in ("opening_fen", "top_up_fen", "corrected_fen", "charged_fen", "closing_fen"):
            assert cell(sheet, sheet.totals, key) == sum(column(sheet, key))


@pytest.mark.parametrize("kind", ["sales-by-day", "shops"])
async def test_every_single_row_comes_to_the_same_sum(mall: SmallMall, kind: str) -> None:
    books = await make_books(mall, 6)
    detail = await REPORTS[kind].detail(books.asked(books.day(3), books.day(60)))

    listed = [row async for chunk in detail.chunks for row in chunk]

    place = [one.key for one in detail.columns].index("amount_fen")
    wanted = books.between(books.day(3), books.day(60))
    wanted = through_channels(wanted) if kind == "sales-by-day" else wanted
    assert len(listed) == detail.row_count == len(wanted)
    assert (
        sum(int(row[place] or 0) for row in listed) == detail.totals[place] == sum(one.fen for one in wanted)
    )


async def test_a_posting_that_was_altered_is_seen_in_both_reports(mall: SmallMall) -> None:
    books = await make_books(mall, 7)
    (leg,) = await rows(
        "SELECT p.id FROM posting p JOIN entry e ON e.id = p.entry_id WHERE e.kind = 'TOP_UP'"
        " AND p.ledger_account = ? LIMIT 1",
        [f"balance:{(await mall.account()).id}"],
    )
    await run("UPDATE posting SET amount_fen = amount_fen + 1 WHERE id = ?", [leg["id"]])
    asked = books.asked(books.day(0), books.day(75), page=0)

    sales, shops = await REPORTS["sales-by-day"].show(asked), await REPORTS["shops"].show(asked)

    assert {one.name for one in sales.ties if not one.ok} == {"净收款"}
    assert {one.name for one in shops.ties if not one.ok} >= {"充值", "逐户核对"}
    assert [cell(shops, row, "check_fen") for row in shops.rows] == [1, 0, 0]


async def test_a_balance_that_was_altered_is_seen_in_the_check_cell(mall: SmallMall) -> None:
    books = await make_books(mall, 8)
    account = await mall.account("A002")
    await Account.filter(id=account.id).update(settled_fen=account.settled_fen - 500)

    sheet = await REPORTS["shops"].show(books.asked(books.day(0), books.day(75), page=0))

    assert [cell(sheet, row, "check_fen") for row in sheet.rows] == [0, 500, 0]
    assert "逐户核对" in {one.name for one in sheet.ties if not one.ok}


async def test_no_report_counts_the_practice_shop(mall: SmallMall) -> None:
    books = await make_books(mall, 9)
    for kind in ("sales-by-day", "shops"):
        sheet = await REPORTS[kind].show(books.asked(books.day(0), books.day(74), group="", page=0))
        assert "练习" not in str(sheet.rows)


async def test_days_are_the_malls(mall: SmallMall) -> None:
    """16:30 UTC is half past midnight of the next day."""
    books = await make_books(mall, 10)
    late = [one for one in books.moves if one.at.hour >= 16]

    assert late and all(one.on != one.at.date() for one in late)
    assert local(late[0].at).date() == one_day_on(late[0].at.date())


def one_day_on(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)

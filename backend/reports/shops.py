"""What each shop bought and used (商铺购用电明细): opening + moves = closing, with a cell that checks it.

The opening is summed from all postings before the period; the closing is what the account holds now less
what moved since; the moves are summed by kind of entry. Nothing of one is worked out from the others.
The sum row comes from the other side of the ledger: channels, revenue, the rest.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from backend.reports.energy_sums import (
    PERIOD_WORDS,
    PERIODS,
    hours_wh,
    periods_of,
    total_wh,
    uses,
    without_data,
)
from backend.reports.port import Asked, Column, Figure, Group, Report, Row, Series, Sheet, Tie, Unit, page_of
from backend.reports.sales_sums import entries_of
from backend.reports.scope import Scope, in_list, scope_of
from backend.reports.shops_detail import detail
from backend.reports.spans import before, begin_of, end_of, until
from backend.store import rows, sql_time

_TOP_UP, _CHARGE, _REFUND = ("TOP_UP",), ("ENERGY",), ("REFUND",)
_CORRECTIONS = ("REVERSAL", "OPENING", "DEMO_DRAIN")
_NOTES = [
    "期初 + 充值 + 冲正与调整 − 电费 − 退费 = 期末；“核对”列为两边之差，为零即相符。",
    "金额按入账时间：一天的电费在次日零点后入账；用电量按用电日期。",
    "冲正与调整含冲正、期初录入；练习商铺不计入。",
]


class Money(Struct):
    """One account's period, in fen; charges and refunds as they left the account, negative."""

    opening: int = 0
    top_ups: int = 0
    corrections: int = 0
    charges: int = 0
    refunds: int = 0
    closing: int = 0

    @property
    def check(self) -> int:
        moved = self.top_ups + self.corrections + self.charges + self.refunds
        return self.opening + moved - self.closing

    def cells(self) -> Row:
        return [
            self.opening,
            self.top_ups,
            self.corrections,
            -self.charges,
            -self.refunds,
            self.closing,
            self.check,
        ]


async def _show(asked: Asked) -> Sheet:
    scope = await scope_of(asked)
    money = await _money(asked, scope)
    totals = await _other_side(asked, scope)
    # All meters: one that hung in a shop then may hang elsewhere, or nowhere, today.
    everywhere = sorted((await scope_of(_everywhere(asked))).meters)
    found = [one for one in await uses(everywhere, asked.from_on, asked.to_on) if one.account_id in money]
    past = await uses(everywhere, *before(asked.from_on, asked.to_on))
    listed: list[Row] = []
    by_account = _by_account(found)
    past_by_account = _by_account(past)
    for account_id, one in money.items():
        shop, mine = scope.accounts[account_id], by_account.get(account_id, [])
        gone = total_wh(past_by_account.get(account_id, []))
        listed.append(
            [shop.code, shop.name, shop.floor, *one.cells(), total_wh(mine), *periods_of(mine), gone]
        )
    hours = await hours_wh(asked, {(one.meter_id, one.day) for one in found})
    past_total = total_wh([one for one in past if one.account_id in money])
    sums: Row = ["合计", f"{len(listed)} 户", "", *totals.cells(), hours, *periods_of(found), past_total]
    return Sheet(
        from_on=asked.from_on,
        to_on=asked.to_on,
        columns=_columns(),
        rows=page_of(asked, listed),
        totals=sums,
        row_count=len(listed),
        figure=_figure(listed),
        data_until_at=until(asked),
        missing=await without_data(
            [one for one in scope.meters_of(public=False) if scope.meters[one].account_id in money],
            found,
            asked.from_on,
            asked.to_on,
        ),
        ties=_ties(money, totals, total_wh(found), hours),
        notes=_NOTES,
    )


def _everywhere(asked: Asked) -> Asked:
    return Asked(site_id=asked.site_id, now=asked.now, from_on=asked.from_on, to_on=asked.to_on)


def _ties(money: dict[int, Money], totals: Money, found_wh: int, hours: int) -> list[Tie]:
    def tie(name: str, key: str, source: str) -> Tie:
        return Tie(
            name, Unit.FEN, sum(getattr(one, key) for one in money.values()), getattr(totals, key), source
        )

    return [
        tie("充值", "top_ups", "总账收款科目"),
        Tie(
            "电费", Unit.FEN, -sum(one.charges for one in money.values()), -totals.charges, "总账电费收入科目"
        ),
        tie("期初", "opening", "总账余额"),
        tie("期末", "closing", "总账余额"),
        Tie("逐户核对", Unit.FEN, sum(abs(one.check) for one in money.values()), 0, "零"),
        Tie("用电量", Unit.WH, found_wh, hours, "分时用电"),
    ]


async def _money(asked: Asked, scope: Scope) -> dict[int, Money]:
    names = {one.ledger_account: one for one in scope.accounts.values()}
    begin, end = sql_time(begin_of(asked)), sql_time(end_of(asked))
    found = await rows(
        "SELECT p.ledger_account AS name, e.kind AS kind,"
        " SUM(CASE WHEN e.booked_at < ? THEN p.amount_fen ELSE 0 END) AS opening,"
        " SUM(CASE WHEN e.booked_at >= ? AND e.booked_at < ? THEN p.amount_fen ELSE 0 END) AS moved,"
        " SUM(CASE WHEN e.booked_at >= ? THEN p.amount_fen ELSE 0 END) AS later"
        " FROM posting p JOIN entry e ON e.id = p.entry_id"
        f" WHERE p.ledger_account IN {in_list(list(names))} GROUP BY p.ledger_account, e.kind",
        [begin, begin, end, end, *names],
    )
    money = {one.account_id: Money(closing=one.settled_fen) for one in scope.accounts.values()}
    for row in found:
        one = money[names[row["name"]].account_id]
        one.opening += int(row["opening"])
        one.closing -= int(row["later"])
        _move(one, row["kind"], int(row["moved"]))
    return money


def _move(one: Money, kind: str, fen: int) -> None:
    """Put a movement where it belongs. A kind that is not named here is seen in the check cell."""
    if kind in _TOP_UP:
        one.top_ups += fen
    elif kind in _CHARGE:
        one.charges += fen
    elif kind in _REFUND:
        one.refunds += fen
    elif kind in _CORRECTIONS:
        one.corrections += fen


async def _other_side(asked: Asked, scope: Scope) -> Money:
    """Sum the period from all that is no shop's balance: what left there came here."""
    of_scope, values = entries_of(scope)
    found = await rows(
        "SELECT e.kind AS kind,"
        " SUM(CASE WHEN e.booked_at < ? THEN p.amount_fen ELSE 0 END) AS moved,"
        " SUM(CASE WHEN e.booked_at >= ? THEN p.amount_fen ELSE 0 END) AS later"
        " FROM entry e JOIN posting p ON p.entry_id = e.id"
        f" WHERE e.site_id = ? AND e.booked_at >= ? AND p.ledger_account NOT LIKE ?{of_scope}"
        " GROUP BY e.kind",
        [
            sql_time(end_of(asked)),
            sql_time(end_of(asked)),
            asked.site_id,
            sql_time(begin_of(asked)),
            "balance:%",
            *values,
        ],
    )
    total = Money(closing=sum(one.settled_fen for one in scope.accounts.values()))
    for row in found:
        total.closing += int(row["later"])
        _move(total, row["kind"], -int(row["moved"]))
    total.opening = total.closing + sum(int(row["moved"]) for row in found)
    return total


def _by_account(found: Sequence[Any]) -> dict[int | None, list[Any]]:
    by_account: dict[int | None, list[Any]] = {}
    for one in found:
        by_account.setdefault(one.account_id, []).append(one)
    return by_account


def _columns() -> list[Column]:
    money = [
        Column("opening_fen", "期初余额", Unit.FEN, "金额（元）"),
        Column("top_up_fen", "充值", Unit.FEN, "金额（元）"),
        Column("corrected_fen", "冲正与调整", Unit.FEN, "金额（元）"),
        Column("charged_fen", "电费", Unit.FEN, "金额（元）"),
        Column("refunded_fen", "退费", Unit.FEN, "金额（元）"),
        Column("closing_fen", "期末余额", Unit.FEN, "金额（元）"),
        Column("check_fen", "核对", Unit.CHECK, "金额（元）"),
    ]
    energy = [Column("energy_wh", "用电量", Unit.WH, "用电量（度）")]
    energy += [
        Column(key, word, Unit.WH, "用电量（度）") for key, word in zip(PERIODS, PERIOD_WORDS, strict=True)
    ]
    energy.append(Column("past_wh", "上期用电", Unit.WH, "用电量（度）"))
    return [Column("code", "铺号"), Column("name", "商铺"), Column("floor", "楼层"), *money, *energy]


def _figure(listed: list[Row]) -> Figure:
    used = [row for row in listed if _number(row[10])]
    most = sorted(used, key=lambda row: -_number(row[10]))[:20]
    series = [
        Series(word, Unit.WH, [_number(row[11 + number]) for row in most], stack="periods")
        for number, word in enumerate(PERIOD_WORDS)
    ]
    past = Series("上期用电", Unit.WH, [_number(row[16]) for row in most], line=True)
    return Figure("用电量前 20 户（度）", [str(row[0]) for row in most], [*series, past])


def _number(cell: str | int | None) -> int:
    return cell if isinstance(cell, int) else 0


REPORT = Report(
    kind="shops",
    title="商铺购用电明细",
    permission="staff.report.sales",
    groups=(Group("shop", "按商铺"),),
    show=_show,
    detail=detail,
)

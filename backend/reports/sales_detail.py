"""Every taking by itself (收款明细): one row for an entry."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from backend.reports.port import Asked, Cell, Column, Detail, Row, Unit
from backend.reports.sales_sums import BALANCE, CHANNEL, KINDS, PRACTICE, channel_sums
from backend.reports.scope import Scope, in_list, scope_of
from backend.reports.spans import DAY, begin_of, days_of, end_of
from backend.reports.words import channel_word
from backend.store import rows, some_utc, sql_time
from common.clock import local_midnight

_KINDS = {"TOP_UP": "充值", "REVERSAL": "冲正", "REFUND": "退费"}
_COLUMNS = [
    Column("booked_at", "入账时间", Unit.TIME),
    Column("kind", "类型"),
    Column("shop_code", "铺号"),
    Column("shop_name", "商铺"),
    Column("channel", "支付方式"),
    Column("amount_fen", "金额", Unit.FEN),
    Column("receipt", "收据号"),
    Column("staff", "收银员"),
    Column("payer", "付款人"),
    Column("note", "备注"),
    Column("entry_id", "凭证号"),
]


async def detail(asked: Asked) -> Detail:
    scope = await scope_of(asked)
    apart = await channel_sums(asked, scope, begin_of(asked), end_of(asked))
    totals: Row = ["合计", None, None, None, None, sum(one.fen for one in apart), *[None] * 5]
    return Detail(_COLUMNS, sum(one.count for one in apart), totals, _chunks(asked, scope))


async def _chunks(asked: Asked, scope: Scope) -> AsyncIterator[list[Row]]:
    """Give a day's entries at a time."""
    by_name = {one.ledger_account: one for one in scope.accounts.values()}
    names = [] if scope.is_all else list(by_name) or ["-"]
    sql = (
        "SELECT e.id, e.kind, e.booked_at, e.facts, o.facts AS before_facts, c.ledger_account AS channel,"
        " b.ledger_account AS account, b.amount_fen FROM entry e"
        " JOIN posting c ON c.entry_id = e.id AND SUBSTR(c.ledger_account, 1, 8) = ?"
        " JOIN posting b ON b.entry_id = e.id AND SUBSTR(b.ledger_account, 1, 8) = ?"
        " LEFT JOIN entry o ON e.kind = 'REVERSAL' AND o.cause = SUBSTR(e.cause, 10)"
        f" WHERE e.site_id = ? AND e.kind IN {in_list(KINDS)} AND e.booked_at >= ? AND e.booked_at < ?"
        f" AND c.ledger_account <> ?{f' AND b.ledger_account IN {in_list(names)}' if names else ''}"
        " ORDER BY e.booked_at, e.id"
    )
    for day in days_of(asked.from_on, asked.to_on):
        times = sql_time(local_midnight(day)), sql_time(local_midnight(day + DAY))
        values = [CHANNEL, BALANCE, asked.site_id, *KINDS, *times, PRACTICE, *names]
        found = [row for row in await rows(sql, values) if _is_own(asked, row)]
        if found:
            yield [_row(row, by_name.get(row["account"])) for row in found]


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.json.decode(row["facts"] or "{}")
    before: dict[str, Any] = msgspec.json.decode(row["before_facts"] or "{}")
    return {**before, **facts} if before else facts


def _is_own(asked: Asked, row: dict[str, Any]) -> bool:
    return asked.staff_id is None or str(_facts(row).get("staff_id", "")) == str(asked.staff_id)


def _row(row: dict[str, Any], account: Any) -> Row:
    facts = _facts(row)
    return [
        int(some_utc(row["booked_at"]).timestamp() * 1000),
        _KINDS.get(row["kind"], row["kind"]),
        account.code if account else "",
        account.name if account else "",
        channel_word(row["channel"]),
        int(row["amount_fen"]),
        _text(facts.get("receipt")),
        _text(facts.get("staff_name")) or "商户自助",
        _text(facts.get("payer")),
        _text(facts.get("reason") or facts.get("note")),
        str(row["id"]),
    ]


def _text(value: object) -> Cell:
    return "" if value is None else str(value)

"""Every entry of the shops by itself (商铺账目明细): one row for each movement of a balance."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from backend.reports.port import Asked, Column, Detail, Row, Unit
from backend.reports.sales_sums import entries_of
from backend.reports.scope import Scope, in_list, scope_of
from backend.reports.spans import DAY, begin_of, days_of, end_of
from backend.store import rows, some_utc, sql_time
from common.clock import local_midnight

_KINDS = {
    "TOP_UP": "充值",
    "ENERGY": "电费",
    "OPENING": "期初余额",
    "REFUND": "退费",
    "REVERSAL": "冲正",
    "DEMO_DRAIN": "演示扣减",
}
_COLUMNS = [
    Column("booked_at", "入账时间", Unit.TIME),
    Column("kind", "类型"),
    Column("shop_code", "铺号"),
    Column("shop_name", "商铺"),
    Column("amount_fen", "金额", Unit.FEN),
    Column("energy_wh", "计费电量", Unit.WH),
    Column("charge_on", "用电日"),
    Column("estimated", "估算"),
    Column("entry_id", "凭证号"),
]


async def detail(asked: Asked) -> Detail:
    scope = await scope_of(asked)
    of_scope, values = entries_of(scope)
    found = await rows(
        "SELECT COALESCE(SUM(p.amount_fen), 0) AS fen FROM entry e JOIN posting p ON p.entry_id = e.id"
        " WHERE e.site_id = ? AND e.booked_at >= ? AND e.booked_at < ?"
        f" AND p.ledger_account NOT LIKE ?{of_scope}",
        [
            asked.site_id,
            sql_time(begin_of(asked)),
            sql_time(end_of(asked)),
            "balance:%",
            *values,
        ],
    )
    counted = await rows(
        "SELECT COUNT(*) AS n FROM posting p JOIN entry e ON e.id = p.entry_id WHERE e.booked_at >= ?"
        f" AND e.booked_at < ? AND p.ledger_account IN {in_list(_names(scope))}",
        [sql_time(begin_of(asked)), sql_time(end_of(asked)), *_names(scope)],
    )
    totals: Row = ["合计", None, None, None, -int(found[0]["fen"]), None, None, None, None]
    return Detail(_COLUMNS, int(counted[0]["n"]), totals, _chunks(asked, scope))


def _names(scope: Scope) -> list[str]:
    return [one.ledger_account for one in scope.accounts.values()]


async def _chunks(asked: Asked, scope: Scope) -> AsyncIterator[list[Row]]:
    """Give a day's entries at a time."""
    by_name = {one.ledger_account: one for one in scope.accounts.values()}
    sql = (
        "SELECT e.id, e.kind, e.booked_at, e.facts, p.ledger_account AS account, p.amount_fen"
        " FROM entry e JOIN posting p ON p.entry_id = e.id"
        " WHERE e.site_id = ? AND e.booked_at >= ? AND e.booked_at < ?"
        f" AND p.ledger_account IN {in_list(list(by_name))} ORDER BY e.booked_at, e.id"
    )
    for day in days_of(asked.from_on, asked.to_on):
        times = sql_time(local_midnight(day)), sql_time(local_midnight(day + DAY))
        found = await rows(sql, [asked.site_id, *times, *by_name])
        if found:
            yield [_row(row, by_name[row["account"]]) for row in found]


def _row(row: dict[str, Any], account: Any) -> Row:
    facts: dict[str, Any] = msgspec.json.decode(row["facts"] or "{}")
    charge_on = str(facts.get("charge_on") or "")
    return [
        int(some_utc(row["booked_at"]).timestamp() * 1000),
        _KINDS.get(row["kind"], row["kind"]),
        account.code,
        account.name,
        int(row["amount_fen"]),
        facts.get("energy_wh"),
        f"{charge_on[:4]}-{charge_on[4:6]}-{charge_on[6:]}" if len(charge_on) == 8 else "",
        "估算" if facts.get("estimated") else "",
        str(row["id"]),
    ]

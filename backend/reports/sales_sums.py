"""Money that came in, summed (收款汇总): by the accounts it went to, and apart from that by channel.

The rows of a report are summed from the shops' side of each entry; their sum row from the channels' side.
Money of the practice shop goes through a channel of its own and is in neither.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from backend.reports.port import Asked
from backend.reports.scope import Scope, in_list
from backend.reports.words import fact, local_day
from backend.store import rows, sql_time

PRACTICE = "channel:practice"
# Compared by their beginning, which no index helps with: a database that starts from the index of ledger
# accounts joins all channels' postings with all balances', where it should start from the entries of a time.
CHANNEL, BALANCE = "channel:", "balance:"
KINDS = ("TOP_UP", "REVERSAL", "REFUND")
BY_PHONE = ""  # Nobody stood at a till.

# A reversal belongs to whoever took the money that it gives back.
_ORIGINAL = "LEFT JOIN entry o ON e.kind = 'REVERSAL' AND o.cause = SUBSTR(e.cause, 10)"


class Taking(Struct, frozen=True):
    """Entries of one bucket, channel and kind. fen: into the accounts; negative where it was given back."""

    bucket: str
    channel: str  # "channel:cash".
    kind: str
    count: int
    fen: int


def staff_sql() -> str:
    return f"COALESCE({fact('o.facts', 'staff_id')}, {fact('e.facts', 'staff_id')}, '')"


async def takings(
    asked: Asked, scope: Scope, begin_at: datetime, end_at: datetime, bucket: str
) -> list[Taking]:
    """Sum what went into the accounts, by "day", "cashier" or "shop"."""
    bucket_sql = {"day": local_day("e.booked_at"), "cashier": staff_sql(), "shop": "b.ledger_account"}[bucket]
    accounts, values = _accounts_sql("b.ledger_account", scope)
    found = await rows(
        f"SELECT {bucket_sql} AS bucket, c.ledger_account AS channel, e.kind AS kind,"
        " COUNT(*) AS n, SUM(b.amount_fen) AS fen FROM entry e"
        " JOIN posting c ON c.entry_id = e.id AND SUBSTR(c.ledger_account, 1, 8) = ?"
        " JOIN posting b ON b.entry_id = e.id AND SUBSTR(b.ledger_account, 1, 8) = ?"
        f" {_ORIGINAL if bucket == 'cashier' or asked.staff_id else ''}"
        f" WHERE {_WHERE}{accounts}{_staff_sql(asked)}"
        f" GROUP BY {bucket_sql}, c.ledger_account, e.kind",
        [CHANNEL, BALANCE, *_where(asked, begin_at, end_at), *values, *_staff(asked)],
    )
    return [_taking(row, 1) for row in found]


async def channel_sums(asked: Asked, scope: Scope, begin_at: datetime, end_at: datetime) -> list[Taking]:
    """Sum what went through the channels, straight from their side of the ledger (对方科目)."""
    moved, values = entries_of(scope)
    found = await rows(
        "SELECT '' AS bucket, c.ledger_account AS channel, e.kind AS kind, COUNT(*) AS n,"
        " SUM(c.amount_fen) AS fen FROM entry e"
        " JOIN posting c ON c.entry_id = e.id AND SUBSTR(c.ledger_account, 1, 8) = ?"
        f" {_ORIGINAL if asked.staff_id else ''}"
        f" WHERE {_WHERE}{moved if not scope.is_all else ''}{_staff_sql(asked)}"
        " GROUP BY c.ledger_account, e.kind",
        [
            CHANNEL,
            *_where(asked, begin_at, end_at),
            *(values if not scope.is_all else []),
            *_staff(asked),
        ],
    )
    return [_taking(row, -1) for row in found]


def entries_of(scope: Scope) -> tuple[str, list[str]]:
    """Return a condition on `e`: entries of the scope's accounts, or of all but the practice shop's."""
    if not scope.is_all:
        names = [one.ledger_account for one in scope.accounts.values()]
        condition = f" AND e.id IN (SELECT entry_id FROM posting WHERE ledger_account IN {in_list(names)})"
        return condition, names
    if not scope.practice:
        return "", []
    names = [f"balance:{account_id}" for account_id in scope.practice]
    return f" AND e.id NOT IN (SELECT entry_id FROM posting WHERE ledger_account IN {in_list(names)})", names


def channels_of(found: Sequence[Taking]) -> list[str]:
    """Return the four ways to pay, and whatever else money came through."""
    usual = ["channel:cash", "channel:transfer", "channel:card", "channel:wechat"]
    return usual + sorted({one.channel for one in found} - set(usual))


_WHERE = (
    f"e.site_id = ? AND e.kind IN {in_list(KINDS)} AND e.booked_at >= ? AND e.booked_at < ?"
    " AND c.ledger_account <> ?"
)


def _where(asked: Asked, begin_at: datetime, end_at: datetime) -> list[Any]:
    return [asked.site_id, *KINDS, sql_time(begin_at), sql_time(end_at), PRACTICE]


def _accounts_sql(column: str, scope: Scope) -> tuple[str, list[str]]:
    if not scope.is_all:
        names = [one.ledger_account for one in scope.accounts.values()]
        return f" AND {column} IN {in_list(names)}", names
    names = [f"balance:{account_id}" for account_id in scope.practice]
    return (f" AND {column} NOT IN {in_list(names)}", names) if names else ("", [])


def _staff_sql(asked: Asked) -> str:
    return f" AND {staff_sql()} = ?" if asked.staff_id else ""


def _staff(asked: Asked) -> list[str]:
    return [str(asked.staff_id)] if asked.staff_id else []


def _taking(row: dict[str, Any], sign: int) -> Taking:
    return Taking(
        bucket=str(row["bucket"]),
        channel=row["channel"],
        kind=row["kind"],
        count=int(row["n"]),
        fen=sign * int(row["fen"]),
    )

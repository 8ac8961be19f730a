"""Check the books (审计校验): sums, balances, chains. What `prewatt audit verify` prints."""

import msgspec

from backend.domain.ledger import (
    ChainPart,
    EntryDraft,
    EntryKind,
    PostingDraft,
    balance_account,
    digest,
    first_break,
)
from backend.store import rows, some_utc
from common.units import Fen

_AT_ONCE = 2_000


async def verify_books(key: bytes) -> list[str]:
    """Return what is wrong with the ledger, in Chinese; an empty list when all is well."""
    problems = [*await _sums(), *await _balances(), *await _contents()]
    return [*problems, *await _chains(key)]


async def _sums() -> list[str]:
    found = await rows(
        "SELECT entry_id, SUM(amount_fen) AS s FROM posting GROUP BY entry_id HAVING SUM(amount_fen) <> 0"
    )
    return [f"凭证 {row['entry_id']} 借贷不平：{row['s']} 分" for row in found]


async def _balances() -> list[str]:
    posted = {
        row["ledger_account"]: int(row["s"])
        for row in await rows(
            "SELECT ledger_account, SUM(amount_fen) AS s FROM posting WHERE ledger_account LIKE ?"
            " GROUP BY ledger_account",
            ["balance:%"],
        )
    }
    return [
        f"户 {row['id']} 余额 {row['settled_fen']} 分与分录合计 {sum_fen} 分不符"
        for row in await rows("SELECT id, settled_fen FROM account ORDER BY id")
        if (sum_fen := posted.get(balance_account(int(row["id"])), 0)) != int(row["settled_fen"])
    ]


async def _contents() -> list[str]:
    problems: list[str] = []
    last = 0
    while True:
        entries = await rows(
            "SELECT id, kind, cause, booked_at, facts, digest FROM entry WHERE id > ?"
            f" ORDER BY id LIMIT {_AT_ONCE}",
            [last],
        )
        if not entries:
            return problems
        first, last = int(entries[0]["id"]), int(entries[-1]["id"])
        legs: dict[int, list[PostingDraft]] = {}
        for row in await rows(
            "SELECT entry_id, ledger_account, amount_fen FROM posting WHERE entry_id BETWEEN ? AND ?"
            " ORDER BY id",
            [first, last],
        ):
            leg = PostingDraft(row["ledger_account"], Fen(int(row["amount_fen"])))
            legs.setdefault(int(row["entry_id"]), []).append(leg)
        for row in entries:
            draft = EntryDraft(
                kind=EntryKind(row["kind"]),
                cause=row["cause"],
                booked_at=some_utc(row["booked_at"]),
                postings=tuple(legs.get(int(row["id"]), ())),
                facts=msgspec.json.decode(row["facts"]),
            )
            if digest(draft) != row["digest"]:
                problems.append(f"凭证 {row['cause']} 的内容被改动")


async def _chains(key: bytes) -> list[str]:
    problems: list[str] = []
    for account in await rows("SELECT id, chain_count, chain_head FROM account ORDER BY id"):
        links = [
            ChainPart(int(link["sequence"]), link["digest"] or "", link["hmac"])
            for link in await rows(
                "SELECT c.sequence, c.hmac, e.digest FROM chain_link c LEFT JOIN entry e ON e.id = c.entry_id"
                " WHERE c.account_id = ? ORDER BY c.sequence",
                [account["id"]],
            )
        ]
        broken = first_break(
            key, int(account["id"]), links, int(account["chain_count"]), account["chain_head"]
        )
        if broken is not None:
            problems.append(f"户 {account['id']} 的凭证链在第 {broken} 环断开或缺失")
    return problems

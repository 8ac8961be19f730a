"""Write ledger entries (记账): checked, chained, in bulk. The accounts must be locked before.

One cause books once; the same cause with other content is a Bug, not a duplicate.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from backend.context import Context
from backend.domain.ledger import EntryDraft, balance_account, chain_hmac, check, digest, same_content
from backend.errors import Bug
from backend.models.accounts import Account
from backend.models.ledger import Entry
from backend.store import run_many, sql_time

_ENTRY = "INSERT INTO entry (id,site_id,kind,cause,booked_at,made_at,facts,digest) VALUES (?,?,?,?,?,?,?,?)"
_POSTING = "INSERT INTO posting (id,entry_id,ledger_account,amount_fen) VALUES (?,?,?,?)"
_LINK = "INSERT INTO chain_link (id,account_id,sequence,entry_id,hmac) VALUES (?,?,?,?,?)"
_ACCOUNT = "UPDATE account SET settled_fen=?, carried_nano=?, chain_count=?, chain_head=? WHERE id=?"


class Books:
    """Entries of one unit of work. `add` as many as needed, then `write` once."""

    def __init__(self, ctx: Context, site_id: int) -> None:
        self._ctx = ctx
        self.site_id = site_id
        self._entries: list[Sequence[Any]] = []
        self._postings: list[Sequence[Any]] = []
        self._links: list[Sequence[Any]] = []

    def add(self, draft: EntryDraft, accounts: Iterable[Account]) -> int:
        """Take an entry in and move the balances and chains of the locked accounts it touches.

        A charge below one fen has no legs: it stands in the chain of the accounts that it is about.
        """
        check(draft)
        ctx, now = self._ctx, self._ctx.clock.now()
        entry_id = ctx.ids.new()
        content = digest(draft)
        facts = msgspec.json.encode(draft.facts).decode()
        self._entries.append(
            (
                entry_id,
                self.site_id,
                draft.kind.value,
                draft.cause,
                sql_time(draft.booked_at),
                sql_time(now),
                facts,
                content,
            )
        )
        by_name = {balance_account(account.id): account for account in accounts}
        for leg in draft.postings:
            self._postings.append((ctx.ids.new(), entry_id, leg.ledger_account, leg.amount_fen))
            account = by_name.pop(leg.ledger_account, None)
            if account is None:
                if leg.ledger_account.startswith("balance:"):
                    raise Bug(f"{draft.cause} moves {leg.ledger_account}, which is not locked")
                continue
            account.settled_fen += leg.amount_fen
            self._link(account, entry_id, content)
        if not draft.postings:
            for account in by_name.values():
                self._link(account, entry_id, content)
        return entry_id

    def _link(self, account: Account, entry_id: int, content: str) -> None:
        account.chain_count += 1
        account.chain_head = chain_hmac(
            self._ctx.settings.ledger_key, account.id, account.chain_count, account.chain_head, content
        )
        self._links.append(
            (self._ctx.ids.new(), account.id, account.chain_count, entry_id, account.chain_head)
        )

    async def write(self, accounts: Iterable[Account]) -> None:
        await run_many(_ENTRY, self._entries)
        await run_many(_POSTING, self._postings)
        await run_many(_LINK, self._links)
        await run_many(
            _ACCOUNT,
            [
                (item.settled_fen, item.carried_nano, item.chain_count, item.chain_head, item.id)
                for item in accounts
            ],
        )


async def book(ctx: Context, site_id: int, draft: EntryDraft, accounts: Sequence[Account]) -> int:
    """Book one entry and return its id; the same cause again returns the first.

    Raises Bug when the cause was booked with other content.
    """
    known = await Entry.get_or_none(cause=draft.cause)
    if known is not None:
        if not same_content(draft, known.digest, known.booked_at):
            raise Bug(f"{draft.cause} was booked with other content")
        return int(known.id)
    books = Books(ctx, site_id)
    entry_id = books.add(draft, accounts)
    await books.write(accounts)
    return entry_id

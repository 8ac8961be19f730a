"""A shop that lives over days: pays, uses, is charged and corrected."""

from datetime import UTC, date, datetime

from backend.context import Context
from backend.domain.ledger import EntryDraft, EntryKind, PostingDraft, reversal_entry
from backend.models.accounts import Account
from backend.models.ledger import Entry, Posting
from backend.services.books import book
from backend.services.cut_day import cut_day
from backend.services.locks import lock_account
from backend.store import rows, unit_of_work
from common.units import Fen
from tests.services.mall import SmallMall

DAY = date(2026, 3, 2)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def viewer(mall: SmallMall) -> Context:
    return mall.as_staff(1, "staff.account.view", "staff.tenant.view", "staff.board")


async def live(mall: SmallMall, days: int = 3, shop: str = "A001") -> None:
    """Pay, and use energy over several days, each cut five minutes after its end."""
    await mall.pay(50_000, shop)
    await mall.read(shop)
    for day in range(2, 2 + days):
        for hour in ("11:00", "14:00", "18:30"):
            mall.clock.move_to(max(mall.clock.now(), at(f"2026-03-{day:02d}T{hour}:00")))
            await mall.read(shop, used_wh=1_337 * day)
        mall.clock.move_to(at(f"2026-03-{day + 1:02d}T00:05:00"))
        await cut_day(mall.ctx, mall.site_id, date(2026, 3, day))


async def correct(mall: SmallMall, kind: str = "TOP_UP", shop: str = "A001") -> None:
    """Reverse the newest entry of a kind."""

    async def work() -> None:
        account = await lock_account((await mall.account(shop)).id)
        entry = await Entry.filter(kind=kind).order_by("-id").first()
        assert entry is not None
        legs = await Posting.filter(entry_id=entry.id).order_by("id")
        of = EntryDraft(
            EntryKind(kind),
            entry.cause,
            entry.booked_at,
            tuple(PostingDraft(leg.ledger_account, Fen(leg.amount_fen)) for leg in legs),
            {},
        )
        now = mall.clock.now()
        draft = reversal_entry(of, booked_at=now, reason="重复收款", asked_by=1, approved_by=2)
        await book(mall.ctx, mall.site_id, draft, [account])

    await unit_of_work(work)


async def posted(account: Account) -> int:
    (row,) = await rows(
        "SELECT SUM(amount_fen) AS fen FROM posting WHERE ledger_account = ?", [f"balance:{account.id}"]
    )
    return int(row["fen"])

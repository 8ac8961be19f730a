"""Ledgers made by chance for the reports, with what they come to worked out beside them."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from backend.domain.ledger import (
    EntryDraft,
    EntryKind,
    PostingDraft,
    demo_drain_entry,
    energy_entry,
    reversal_entry,
    top_up_entry,
)
from backend.domain.tariffs import ComponentKind
from backend.models.accounts import Account
from backend.models.people import Staff
from backend.models.site import Shop
from backend.reports.port import Asked
from backend.services.books import Books
from backend.services.locks import lock_accounts
from backend.store import unit_of_work
from common.clock import local
from common.units import Fen, Nanoyuan
from tests.services.mall import SmallMall

CHANNELS = ("cash", "transfer", "card", "wechat")
DAYS = 75


@dataclass
class Moved:
    """One movement as a person would note it down."""

    at: datetime
    account_id: int
    kind: str
    channel: str
    fen: int
    staff_id: str = ""

    @property
    def on(self) -> date:
        return local(self.at).date()


@dataclass
class ChanceBooks:
    """A mall with money in it. moves: everything that counts; the practice shop's is not among it."""

    mall: SmallMall
    cashiers: list[int]
    begin_at: datetime
    moves: list[Moved] = field(default_factory=list)
    practice_id: int = 0

    def asked(self, from_on: date, to_on: date, **more: Any) -> Asked:
        return Asked(
            site_id=self.mall.site_id, now=self.mall.clock.now(), from_on=from_on, to_on=to_on, **more
        )

    def day(self, number: int) -> date:
        return local(self.begin_at).date() + timedelta(days=number)

    def between(self, from_on: date, to_on: date) -> list[Moved]:
        return [one for one in self.moves if from_on <= one.on <= to_on]


async def practice_account(mall: SmallMall) -> int:
    ctx, shop = mall.ctx, await Shop.get(code="A001")
    first = await Account.get(shop_id=shop.id)
    made = await Shop.create(
        id=ctx.ids.new(), site_id=mall.site_id, code="练习", name="练习商铺", practice=True
    )
    account = await Account.create(
        id=ctx.ids.new(),
        site_id=mall.site_id,
        shop_id=made.id,
        tariff_id=first.tariff_id,
        opened_at=mall.clock.now(),
    )
    return int(account.id)


async def hire(mall: SmallMall, name: str) -> int:
    number = mall.ctx.ids.new()
    await Staff.create(id=number, site_id=mall.site_id, username=name, name=name, password_hash="x")
    return number


async def make_books(mall: SmallMall, seed: int, entries: int = 160) -> ChanceBooks:
    """Book entries of every kind over 75 days, in any order of time, then stand at their end."""
    random = Random(seed)
    cashiers = [await hire(mall, "王收银"), await hire(mall, "李收银")]
    practice_id = await practice_account(mall)
    shops = [(await mall.account(code)).id for code in ("A001", "A002", "A003")]
    made = ChanceBooks(mall, cashiers, mall.clock.now().replace(minute=0, second=0), practice_id=practice_id)

    async def work() -> None:
        accounts = await lock_accounts(sorted([*shops, practice_id]))
        books = Books(mall.ctx, mall.site_id)
        known: list[tuple[EntryDraft, Moved]] = []
        for number in range(entries):
            at = made.begin_at + timedelta(seconds=random.randrange(DAYS * 86_400))
            draft, moved = _chance(random, number, at, shops, practice_id, cashiers, known)
            books.add(draft, accounts)
            if moved.account_id != practice_id:
                made.moves.append(moved)
        await books.write(accounts)

    await unit_of_work(work)
    mall.clock.move_to(made.begin_at + timedelta(days=DAYS, hours=3))
    return made


def _chance(
    random: Random,
    number: int,
    at: datetime,
    shops: list[int],
    practice_id: int,
    cashiers: list[int],
    known: list[tuple[EntryDraft, Moved]],
) -> tuple[EntryDraft, Moved]:
    account_id, fen = random.choice(shops), random.randrange(1, 5_000_000)
    dice = random.random()
    if dice < 0.15 and known:
        of, was = known.pop(random.randrange(len(known)))
        draft = reversal_entry(of, booked_at=at, reason="录错", asked_by=1, approved_by=2)
        return draft, Moved(at, was.account_id, "REVERSAL", was.channel, -was.fen, was.staff_id)
    if dice < 0.25:
        draft = _top_up(practice_id, fen, f"counter:p{number}", at, "practice", "9")
        return draft, Moved(at, practice_id, "TOP_UP", "practice", fen)
    if dice < 0.55:
        channel, staff = random.choice(CHANNELS), str(random.choice(cashiers))
        staff = "" if channel == "wechat" and random.random() < 0.7 else staff
        draft = _top_up(account_id, fen, f"counter:{number}", at, channel, staff)
        moved = Moved(at, account_id, "TOP_UP", channel, fen, staff)
        known.append((draft, moved))
        return draft, moved
    if dice < 0.85:
        parts = [(kind, Nanoyuan(random.randrange(10**11))) for kind in ComponentKind]
        draft = energy_entry(
            account_id=account_id,
            meter_id=7,
            from_ms=number,
            to_ms=number + 1,
            revision=0,
            amount_fen=Fen(fen),
            parts_nano=parts,
            booked_at=at,
            facts={"charge_on": 20260302, "energy_wh": 5},
        )
        return draft, Moved(at, account_id, "ENERGY", "", -fen)
    if dice < 0.92:
        legs = (PostingDraft(f"balance:{account_id}", Fen(-fen)), PostingDraft("channel:cash", Fen(fen)))
        draft = EntryDraft(EntryKind.REFUND, f"refund:{number}", at, legs, {"staff_id": str(cashiers[0])})
        return draft, Moved(at, account_id, "REFUND", "cash", -fen, str(cashiers[0]))
    if dice < 0.96:
        legs = (PostingDraft(f"balance:{account_id}", Fen(fen)), PostingDraft("opening", Fen(-fen)))
        draft = EntryDraft(EntryKind.OPENING, f"opening:{number}", at, legs, {})
        return draft, Moved(at, account_id, "OPENING", "", fen)
    draft = demo_drain_entry(account_id=account_id, amount_fen=Fen(fen), cause=f"demo:{number}", booked_at=at)
    return draft, Moved(at, account_id, "DEMO_DRAIN", "", -fen)


def _top_up(account_id: int, fen: int, cause: str, at: datetime, channel: str, staff: str) -> EntryDraft:
    facts: dict[str, Any] = {"staff_id": staff, "staff_name": "王收银"} if staff else {}
    return top_up_entry(
        account_id=account_id, amount_fen=Fen(fen), cause=cause, booked_at=at, channel=channel, facts=facts
    )

"""A shop's statement (对账单): what it had, paid, used and has, from the ledger, with its own check.

A day of the statement is a local day of booking: once it is over its figures never change again. A day's
energy is booked at the day cut that follows it, so each charge also names the day of its energy.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from msgspec import Struct

from backend.context import Context
from backend.domain.ledger import EntryKind, balance_account
from backend.domain.statement import Moved, Sums, balance_in_words, sum_up
from backend.errors import Invalid
from backend.models.accounts import Account, Contact
from backend.models.site import Shop, Site
from backend.models.tariffs import Tariff
from backend.services.own_account import own_account
from backend.services.shop_entries import FLOW_SQL, FlowEntry, entries_of
from backend.store import rows, sql_time
from common.clock import local, local_midnight

LONGEST_DAYS = 400

_SUM_SQL = """
SELECT COALESCE(SUM(p.amount_fen), 0) AS fen FROM posting p JOIN entry e ON e.id = p.entry_id
WHERE p.ledger_account = ? AND e.booked_at < ?"""


class MeterUse(Struct, frozen=True, kw_only=True):
    """What one meter's charges came to. The registers are of its first and last charge, as it shows them."""

    serial: str
    from_register_wh: int | None
    to_register_wh: int | None
    energy_wh: int
    amount_fen: int


class ChargeDay(Struct, frozen=True, kw_only=True):
    """All charges for the energy of one day (用电日), by meter, and their sum."""

    charge_on: date | None
    energy_wh: int
    amount_fen: int
    estimated: bool
    meters: list[MeterUse]


class StatementSums(Struct, frozen=True, kw_only=True):
    """opening + top-ups + corrections − charges − refunds = closing. `ties` says that the ledger agrees."""

    opening_fen: int
    top_ups_fen: int
    corrections_fen: int
    charges_fen: int
    refunds_fen: int
    closing_fen: int
    ties: bool


class InWords(Struct, frozen=True, kw_only=True):
    opening: str
    top_ups: str
    charges: str
    closing: str


class Statement(Struct, frozen=True, kw_only=True):
    site_name: str
    account_id: str
    shop_code: str
    shop_name: str
    floor: str
    practice: bool
    contact: str | None  # None: there is none, or not for the caller to see.
    tariff_name: str
    from_on: date
    to_on: date
    data_until: datetime  # Bookings up to here are in it.
    charged_until_on: date | None  # The newest day whose energy is charged in it.
    sums: StatementSums
    words: InWords
    energy_wh: int
    top_ups: list[FlowEntry]
    charges: list[ChargeDay]
    corrections: list[FlowEntry]  # Reversals, refunds and balances taken over.
    meters: list[MeterUse]
    made_at: datetime
    made_by: str


async def show_statement(ctx: Context, account_id: int, from_on: date, to_on: date) -> Statement:
    """Return an account's statement for local days of booking, both included, at most 400.

    Errors: NotFound; Invalid when the range is upside down, too long or begins in the future.
    """
    now = ctx.clock.now()
    account = await own_account(ctx, account_id)
    if to_on < from_on or (to_on - from_on).days >= LONGEST_DAYS:
        raise Invalid(fields={"to": f"起止日期有误，最多 {LONGEST_DAYS} 天"})
    if from_on > local(now).date():
        raise Invalid(fields={"from": "开始日期不能晚于今天"})
    from_at, to_at = local_midnight(from_on), local_midnight(to_on + timedelta(days=1))
    entries = await _entries(account, from_at, to_at)
    sums = sum_up(
        await _balance_at(account, from_at),
        [Moved(entry.kind, entry.amount_fen) for entry in entries],
        await _balance_at(account, to_at),
    )
    charges = [entry for entry in entries if entry.kind == EntryKind.ENERGY]
    shop, site = await Shop.get(id=account.shop_id), await Site.get(id=account.site_id)
    return Statement(
        site_name=site.name,
        account_id=str(account.id),
        shop_code=shop.code,
        shop_name=shop.name,
        floor=shop.floor,
        practice=shop.practice,
        contact=await _contact(ctx, account),
        tariff_name=(await Tariff.get(id=account.tariff_id)).name,
        from_on=from_on,
        to_on=to_on,
        data_until=min(now, to_at),
        charged_until_on=max((one.charge_on for one in charges if one.charge_on is not None), default=None),
        sums=_view(sums, _agrees(account, entries, sums, to_at > now)),
        words=InWords(
            opening=balance_in_words(sums.opening_fen),
            top_ups=balance_in_words(sums.top_ups_fen),
            charges=balance_in_words(sums.charges_fen),
            closing=balance_in_words(sums.closing_fen),
        ),
        energy_wh=sum(entry.energy_wh or 0 for entry in charges),
        top_ups=[entry for entry in entries if entry.kind == EntryKind.TOP_UP],
        charges=_by_day(charges),
        corrections=[e for e in entries if e.kind not in {EntryKind.TOP_UP, EntryKind.ENERGY}],
        meters=_by_meter(charges),
        made_at=now,
        made_by=ctx.caller.name,
    )


async def _entries(account: Account, from_at: datetime, to_at: datetime) -> list[FlowEntry]:
    found = await rows(
        f"{FLOW_SQL} AND t.booked_at >= ? AND t.booked_at < ? ORDER BY t.sequence",
        [balance_account(account.id), account.id, sql_time(from_at), sql_time(to_at)],
    )
    return await entries_of(found)


async def _balance_at(account: Account, at: datetime) -> int:
    """Sum the postings booked before an instant."""
    (row,) = await rows(_SUM_SQL, [balance_account(account.id), sql_time(at)])
    return int(row["fen"])


def _agrees(account: Account, entries: list[FlowEntry], sums: Sums, is_open: bool) -> bool:
    """Check the equation, the running balance and, up to now, the balance that is kept beside the ledger."""
    running = entries[-1].balance_fen if entries else sums.opening_fen
    return sums.ties and running == sums.closing_fen and (not is_open or account.settled_fen == running)


async def _contact(ctx: Context, account: Account) -> str | None:
    if "staff.tenant.view" not in ctx.caller.permissions:
        return None
    found = await Contact.filter(account_id=account.id, removed_at=None).order_by("id").first()
    return f"{found.name} {found.phone}" if found else None


def _view(sums: Sums, ties: bool) -> StatementSums:
    return StatementSums(
        opening_fen=sums.opening_fen,
        top_ups_fen=sums.top_ups_fen,
        corrections_fen=sums.corrections_fen,
        charges_fen=sums.charges_fen,
        refunds_fen=sums.refunds_fen,
        closing_fen=sums.closing_fen,
        ties=ties,
    )


def _by_day(charges: Iterable[FlowEntry]) -> list[ChargeDay]:
    days: dict[date | None, list[FlowEntry]] = {}
    for entry in charges:
        days.setdefault(entry.charge_on, []).append(entry)
    return [
        ChargeDay(
            charge_on=on,
            energy_wh=sum(entry.energy_wh or 0 for entry in listed),
            amount_fen=-sum(entry.amount_fen for entry in listed),
            estimated=any(entry.estimated for entry in listed),
            meters=_by_meter(listed),
        )
        for on, listed in sorted(days.items(), key=lambda item: item[0] or date.min)
    ]


def _by_meter(charges: Iterable[FlowEntry]) -> list[MeterUse]:
    meters: dict[str, list[FlowEntry]] = {}
    for entry in charges:
        meters.setdefault(entry.serial or "", []).append(entry)
    return [
        MeterUse(
            serial=serial,
            from_register_wh=min(
                (e.from_register_wh for e in listed if e.from_register_wh is not None), default=None
            ),
            to_register_wh=max(
                (e.to_register_wh for e in listed if e.to_register_wh is not None), default=None
            ),
            energy_wh=sum(entry.energy_wh or 0 for entry in listed),
            amount_fen=-sum(entry.amount_fen for entry in listed),
        )
        for serial, listed in sorted(meters.items())
    ]

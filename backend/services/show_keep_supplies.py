"""Who is kept on, until when and why (保电清单), and what was kept before."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.domain.balances import estimate
from backend.models.accounts import Account, KeepSupply
from backend.models.people import Staff
from backend.models.site import Shop
from backend.store import rows
from backend.store_rows import marks
from common.units import Fen, Nanoyuan

_MOST = 500
_ACCRUED_SQL = """
SELECT account_id, MIN(meter_id) AS meter_id, SUM(accrued_nano) AS accrued_nano,
       COUNT(*) - COUNT(read_at) AS unread
FROM meter_state WHERE account_id IN ({}) GROUP BY account_id"""


class KeepSupplyView(Struct, frozen=True, kw_only=True):
    """One wish or promise. Names of people; None where nobody has."""

    keep_supply_id: str
    account_id: str
    meter_id: str | None
    shop_code: str
    shop_name: str
    estimated_fen: int | None  # Now; None: a meter was never read.
    until_at: datetime
    reason: str
    asked_by: str
    asked_at: datetime
    approved_by: str | None  # Who answered it, also when the answer was no.
    effective_at: datetime | None
    ended_at: datetime | None  # Refused, released or run out; None: it stands or waits.
    state: str  # "asked", "kept", "over", "refused", "released".
    needs_review: bool  # Took effect unanswered: a person has still to say yes or no.
    is_own: bool  # The caller asked for it, so another person answers.


async def list_keep_supplies(ctx: Context, *, ended: bool = False) -> list[KeepSupplyView]:
    """Return what waits and what stands, newest first; or, where `ended`, what has ended."""
    now = ctx.clock.now()
    accounts = {row.id: row for row in await Account.filter(site_id=ctx.caller.site_id)}
    wanted = KeepSupply.filter(account_id__in=list(accounts))
    if not ended:
        wanted = wanted.filter(refused_at=None, released_at=None, until_at__gt=now)
    found = await wanted.order_by("-id").limit(_MOST)
    if ended:
        found = [row for row in found if _end_of(row, now) is not None]
    shops = {row.id: row for row in await Shop.filter(site_id=ctx.caller.site_id)}
    people = {row.asked_by for row in found} | {row.approved_by for row in found if row.approved_by}
    names = {row.id: row.name for row in await Staff.filter(id__in=people)} if people else {}
    balances = await _balances([accounts[row.account_id] for row in found])
    views = []
    for row in found:
        shop = shops[accounts[row.account_id].shop_id]
        meter_id, estimated_fen = balances.get(row.account_id, (None, None))
        views.append(
            KeepSupplyView(
                keep_supply_id=str(row.id),
                account_id=str(row.account_id),
                meter_id=meter_id,
                shop_code=shop.code,
                shop_name=shop.name,
                estimated_fen=estimated_fen,
                until_at=row.until_at,
                reason=row.reason,
                asked_by=names.get(row.asked_by, ""),
                asked_at=row.asked_at,
                approved_by=names.get(row.approved_by or 0),
                effective_at=row.effective_at,
                ended_at=_end_of(row, now),
                state=_state_of(row, now),
                needs_review=row.effective_at is not None and row.approved_by is None,
                is_own=row.asked_by == ctx.caller.id,
            )
        )
    return views


def _end_of(row: KeepSupply, now: datetime) -> datetime | None:
    return row.refused_at or row.released_at or (row.until_at if row.until_at <= now else None)


def _state_of(row: KeepSupply, now: datetime) -> str:
    if row.refused_at is not None:
        return "refused"
    if row.released_at is not None:
        return "released"
    if row.until_at <= now:
        return "over"
    return "kept" if row.effective_at is not None else "asked"


async def _balances(accounts: list[Account]) -> dict[int, tuple[str, int | None]]:
    """Return of each account its first meter, and its estimate where all its meters were read."""
    known = {one.id: one for one in accounts}
    if not known:
        return {}
    ids = sorted(known)
    found = {}
    for row in await rows(_ACCRUED_SQL.format(marks(ids)), ids):
        account = known[int(row["account_id"])]
        settled, carried = Fen(account.settled_fen), Nanoyuan(account.carried_nano)
        estimated = estimate(settled, carried, Nanoyuan(int(row["accrued_nano"])))
        found[account.id] = (str(row["meter_id"]), None if row["unread"] else int(estimated))
    return found

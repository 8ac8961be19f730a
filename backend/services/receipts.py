"""Make receipts (开收据): a running number without gaps by site and day, and what stood on the paper.

Called inside the unit of work that books, with the account locked; the day's row is locked from here to
its end, so that two tills never get one number and an undone booking gives its number back.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.models.accounts import Account, Contact
from backend.models.meters import Meter
from backend.models.receipts import Receipt
from backend.models.site import Shop, Site
from backend.store import rows, run, upsert_sql
from common.clock import local

PRACTICE_PREFIX = "LX"  # 练习: a series of its own, so that the real one has no gaps.


class ReceiptFacts(Struct, frozen=True, kw_only=True):
    """Names as they were when the receipt was made; they are printed again as they were."""

    site_name: str
    shop_code: str
    shop_name: str
    floor: str
    tenant: str  # The contact's name; empty when none is known.
    meters: list[str]
    practice: bool = False


async def next_number(site_id: int, practice: bool, at: datetime) -> str:
    """Return the next receipt number of a site's day, "20260302-0001"."""
    prefix = f"{PRACTICE_PREFIX if practice else ''}{local(at):%Y%m%d}"
    series = f"{site_id}:{prefix}"
    await run(upsert_sql("receipt_day", ["series", "count"], ["series"], add=["count"]), [series, 1])
    (row,) = await rows("SELECT count FROM receipt_day WHERE series = ?", [series])
    return f"{prefix}-{int(row['count']):04d}"


async def make_receipt(
    ctx: Context, account: Account, entry_id: int, number: str, staff_id: int | None, balance_after_fen: int
) -> Receipt:
    """Remember an entry's receipt with the names of the moment."""
    return await Receipt.create(
        entry_id=entry_id,
        site_id=account.site_id,
        account_id=account.id,
        number=number,
        made_at=ctx.clock.now(),
        staff_id=staff_id,
        balance_after_fen=balance_after_fen,
        facts=msgspec.json.encode(await names_of(account)).decode(),
    )


async def names_of(account: Account) -> ReceiptFacts:
    shop = await Shop.get(id=account.shop_id)
    site = await Site.get(id=account.site_id)
    contact = await Contact.filter(account_id=account.id, removed_at=None).order_by("id").first()
    meters = await Meter.filter(account_id=account.id, retired_at=None).order_by("id")
    return ReceiptFacts(
        site_name=site.name,
        shop_code=shop.code,
        shop_name=shop.name,
        floor=shop.floor,
        tenant=contact.name if contact else "",
        meters=[meter.serial for meter in meters],
        practice=shop.practice,
    )

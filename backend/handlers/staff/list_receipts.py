"""GET /api/v1/staff/receipts: receipts by number, day, shop and cashier (收据查询)."""

from datetime import date
from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.list_receipts import ReceiptPage, Wanted, list_receipts
from backend.services.row_ids import RowId

Text = Annotated[str, Meta(max_length=32)]


@get("/api/v1/staff/receipts", permission="staff.account.view")
async def handle(
    ctx: Context,
    number: Text = "",
    shop: Text = "",
    first_on: date | None = None,
    last_on: date | None = None,
    staff_id: RowId | None = None,
    account_id: RowId | None = None,
    before_id: RowId | None = None,
) -> Reply[ReceiptPage]:
    """Return a page of the site's top-ups, the newest first."""
    wanted = Wanted(
        number=number.strip(),
        shop=shop.strip(),
        first_on=first_on,
        last_on=last_on,
        staff_id=staff_id,
        account_id=account_id,
        before_id=before_id,
    )
    return ok(await list_receipts(ctx.caller.site_id, wanted))

"""GET /api/v1/staff/reminders/preview: what some shops would be told (提醒预览)."""

from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.errors import Invalid
from backend.routing import Reply, get, ok
from backend.services.reminders import Reminder, preview_reminders
from backend.services.row_ids import id_of


@get("/api/v1/staff/reminders/preview", permission="staff.message.send")
async def handle(ctx: Context, account_ids: Annotated[str, Meta(max_length=1_000)]) -> Reply[list[Reminder]]:
    """Return the text for each shop, or why it is told nothing; ids joined by commas. Errors: Invalid."""
    ids = [id_of(text) for text in account_ids.split(",")]
    known = [one for one in ids if one is not None]
    if len(known) != len(ids):
        raise Invalid(fields={"account_ids": "商铺编号有误"})
    return ok(await preview_reminders(ctx, known))

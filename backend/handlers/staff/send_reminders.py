"""POST /api/v1/staff/reminders: remind shops of their balance (一键提醒)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Context
from backend.errors import Invalid
from backend.routing import Reply, ok, post
from backend.services.reminders import MOST_AT_ONCE, Reminder, send_reminders
from backend.services.row_ids import id_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    request_id: UUID  # Made by the client and kept for its retries.
    account_ids: Annotated[list[str], Meta(min_length=1, max_length=MOST_AT_ONCE)]


@post("/api/v1/staff/reminders", permission="staff.message.send", idempotent="request_id")
async def handle(ctx: Context, body: Body) -> Reply[list[Reminder]]:
    """Queue a message for each shop that may be told; the same request again sends nothing twice.

    Errors: Invalid.
    """
    ids = [one for text in body.account_ids if (one := id_of(text)) is not None]
    if len(ids) != len(body.account_ids):
        raise Invalid(fields={"account_ids": "商铺编号有误"})
    return ok(await send_reminders(ctx, ids, body.request_id))

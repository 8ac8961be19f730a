"""POST /api/v1/staff/commands/{order_id}/cancellations: take an own trip back (取消断电)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.steer_commands import cancel_command


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=2, max_length=180)]


@post("/api/v1/staff/commands/{order_id}/cancellations", permission="staff.trip")
async def handle(ctx: Context, order_id: RowId, body: Body) -> Reply[None]:
    """Take an own trip back before it was sent. Errors: NotFound, NotYours, AlreadySent."""
    await cancel_command(ctx, order_id, body.reason)
    return no_content()

"""POST /api/v1/staff/ratio-changes/{ratio_change_id}/replacements: replaced now (登记互感器更换)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.ratio_changes import report_replaced
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    register_wh: Annotated[int, Meta(ge=0)] | None = None  # As the meter shows it; None: read it.


@post("/api/v1/staff/ratio-changes/{ratio_change_id}/replacements", permission="staff.ratio.ask")
async def handle(ctx: Context, ratio_change_id: RowId, body: Body) -> Reply[None]:
    """End the old ratio at this register. Errors: NotFound, NothingReplaced, Invalid."""
    await report_replaced(ctx, ratio_change_id, body.register_wh)
    return no_content()

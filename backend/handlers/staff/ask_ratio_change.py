"""POST /api/v1/staff/meters/{meter_id}/ratio-changes: ask for another ratio (申请更改变比)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.ratio_changes import RatioBody, ask_ratio_change
from backend.services.row_ids import RowId


class Asked(Struct, frozen=True):
    ratio_change_id: str


@post("/api/v1/staff/meters/{meter_id}/ratio-changes", permission="staff.ratio.ask")
async def handle(ctx: Context, meter_id: RowId, body: RatioBody) -> Reply[Asked]:
    """Ask; another person approves. Errors: NotFound, Invalid (nothing changes), AlreadyAsked."""
    return created(Asked(await ask_ratio_change(ctx, meter_id, body)))

"""POST /api/v1/staff/meters/{meter_id}/reads: read one meter now (立即抄表)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.control_supply import read_now
from backend.services.row_ids import RowId


class Asked(Struct, frozen=True):
    read_request_id: str


@post("/api/v1/staff/meters/{meter_id}/reads", permission="staff.read_now", audit=False)
async def handle(ctx: Context, meter_id: RowId) -> Reply[Asked]:
    """Ask the collector for a reading; it comes with the live board. Errors: NotFound."""
    return created(Asked(await read_now(ctx, meter_id)))

"""GET …/register-decisions/trial: what a decision about a register would come to (待核示数试算)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.weigh_register import Weighed, weigh_register

Instant = Annotated[datetime, Meta(tz=True)]


@get("/api/v1/staff/meters/{meter_id}/register-decisions/trial", permission="staff.reading.decide")
async def handle(
    ctx: Context, meter_id: RowId, read_at: Instant, accept: bool, priced_at: Instant | None = None
) -> Reply[Weighed]:
    """Return the money that follows; nothing is written.

    Errors: NotFound, NothingInDoubt, RegisterBelowLast, NoPriceThen, Invalid.
    """
    return ok(await weigh_register(ctx, meter_id, read_at, accept=accept, priced_at=priced_at))

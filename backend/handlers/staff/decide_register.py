"""POST /api/v1/staff/meters/{meter_id}/register-decisions: a register is right or wrong (待核示数处理)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.decide_register import Decided, decide_register
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    read_at: Annotated[datetime, Meta(tz=True)]  # Names the doubtful reading, and stays in the retries.
    accept: bool
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    priced_at: Annotated[datetime, Meta(tz=True)] | None = None  # All of it at the price of this instant.


@post("/api/v1/staff/meters/{meter_id}/register-decisions", permission="staff.reading.decide")
async def handle(ctx: Context, meter_id: RowId, body: Body) -> Reply[Decided]:
    """Accept and charge, or reject. The same decision again changes nothing.

    Errors: NotFound, NothingInDoubt, DecidedOtherwise, RegisterBelowLast, NoPriceThen, Invalid.
    """
    return created(
        await decide_register(
            ctx, meter_id, body.read_at, accept=body.accept, reason=body.reason, priced_at=body.priced_at
        )
    )

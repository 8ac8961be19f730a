"""POST /api/v1/staff/accounts/{account_id}/trip-decisions: the manager decides over the cap (断电裁定)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.staff_sign_in import step_up
from backend.services.staff_tasks import decide_trip


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    trip: bool
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    totp: Annotated[str, Meta(pattern=r"^\d{6}$")]


@post("/api/v1/staff/accounts/{account_id}/trip-decisions", permission="staff.decide_trip")
async def handle(ctx: Context, account_id: RowId, body: Body) -> Reply[None]:
    """Let the engine trip, or not, where window or missing proof held it up to the debt cap.

    Errors: NotFound, NotInArrears.
    """
    await step_up(ctx, body.totp, "staff.decide_trip", f"account:{account_id}")
    await decide_trip(ctx, account_id, body.trip, body.reason)
    return no_content()

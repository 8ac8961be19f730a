"""POST /api/v1/staff/totp-resets/{approval_id}/decisions: the second person (审批重置动态口令)."""

from msgspec import Struct

from backend.context import Context
from backend.handlers.staff.add_staff import NewPerson
from backend.routing import Reply, ok, post
from backend.services.row_ids import RowId
from backend.services.totp_reset import decide_totp_reset


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    granted: bool


class Outcome(Struct, frozen=True, kw_only=True):
    new: NewPerson | None  # The new secret, shown this once; None when it was refused.


@post("/api/v1/staff/totp-resets/{approval_id}/decisions", permission="staff.users.approve")
async def handle(ctx: Context, approval_id: RowId, body: Body) -> Reply[Outcome]:
    """Grant or refuse somebody else's request for a third person.

    Errors: NotFound, OwnRequest, OwnRights, AlreadyDecided, ApprovalExpired.
    """
    new = await decide_totp_reset(ctx, approval_id, body.granted)
    if new is None:
        return ok(Outcome(new=None))
    return ok(
        Outcome(
            new=NewPerson(
                staff_id=str(new.staff_id),
                username=new.username,
                totp_secret=new.totp_secret,
                totp_uri=new.totp_uri,
            )
        )
    )

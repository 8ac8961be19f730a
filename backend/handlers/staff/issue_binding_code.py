"""POST /api/v1/staff/accounts/{account_id}/binding-codes: a code for a shop's phone (发放绑定码)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.bindings import CODE_STANDS_FOR, MOST_TRIES, issue_binding_code
from backend.services.row_ids import RowId


class Issued(Struct, frozen=True, kw_only=True):
    """Shown once: only a hash of the code is kept."""

    code: str
    valid_hours: int
    tries: int


@post("/api/v1/staff/accounts/{account_id}/binding-codes", permission="staff.binding_code")
async def handle(ctx: Context, account_id: RowId) -> Reply[Issued]:
    """Make a code that binds one phone to the account. Errors: NotFound."""
    code = await issue_binding_code(ctx, account_id)
    hours = int(CODE_STANDS_FOR.total_seconds()) // 3600
    return created(Issued(code=code, valid_hours=hours, tries=MOST_TRIES))

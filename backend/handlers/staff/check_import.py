"""POST /api/v1/staff/import-checks: what a filled-in file would make (导入试算)."""

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.import_site import MOST_BYTES, ImportCheck, check_import


@post("/api/v1/staff/import-checks", permission="staff.account.import", audit=False, body_limit=MOST_BYTES)
async def handle(ctx: Context) -> Reply[ImportCheck]:
    """Check every row of the .xlsx in the body; it writes nothing and leaves no record. Errors: NotExcel."""
    return ok(await check_import(ctx, ctx.body))

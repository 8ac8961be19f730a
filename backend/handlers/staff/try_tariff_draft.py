"""GET /api/v1/staff/tariff-drafts/{draft_id}/dry-run: what shops would have paid by a draft (电价试算)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.row_ids import RowId
from backend.services.tariff_dry_run import DryRunView, Span, try_draft


@get("/api/v1/staff/tariff-drafts/{draft_id}/dry-run", permission="staff.tariff.view")
async def handle(ctx: Context, draft_id: RowId, span: Span = "month") -> Reply[DryRunView]:
    """Compare with what was charged for the same energy: the last calendar month, or the last 30 days.

    Nothing is kept of it. Errors: NotFound.
    """
    return ok(await try_draft(ctx, draft_id, span))

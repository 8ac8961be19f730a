"""GET /api/v1/staff/report-choices: which reports there are for the caller, and their filters (报表选项)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_report import ReportChoices, report_choices


@get("/api/v1/staff/report-choices", permission="staff")
async def handle(ctx: Context) -> Reply[ReportChoices]:
    """Return the kinds that the caller may see, with shafts, floors and meters. Errors: Forbidden."""
    return ok(await report_choices(ctx))

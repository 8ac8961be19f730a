"""GET /api/v1/collector/plan: all that a collector needs to know (采集计划)."""

from backend.context import Context
from backend.routing import Reply, get, not_modified, ok
from backend.services.collector_link import plan_for
from common.wire import PLAN_PATH, Plan


@get(PLAN_PATH, permission="collector")
async def handle(ctx: Context) -> Reply[Plan]:
    """Return the plan, or 304 when the collector holds this version (If-None-Match)."""
    plan = await plan_for(ctx)
    etag = f'"{plan.version}"'
    if ctx.headers.get("if-none-match") == etag:
        return not_modified(etag)
    return ok(plan, ("ETag", etag))

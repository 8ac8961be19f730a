"""POST /api/v1/collector/desired: wait for relay orders and read requests (目标状态长轮询)."""

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.collector_link import poll_desired
from common.wire import DESIRED_PATH, DesiredAnswer, DesiredQuery


@post(DESIRED_PATH, permission="collector")
async def handle(ctx: Context, body: DesiredQuery) -> Reply[DesiredAnswer]:
    """Answer as soon as something differs from what the collector holds, or after `wait_s` (≤ 25 s)."""
    return ok(await poll_desired(ctx, body))

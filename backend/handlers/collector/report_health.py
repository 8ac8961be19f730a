"""POST /api/v1/collector/health: how the collector and its lines are (采集服务状态)."""

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.collector_link import note_health
from backend.services.line_faults import note_faults
from backend.services.profile_alarms import note_profiles
from common.wire import HEALTH_PATH, Health, HealthAnswer


@post(HEALTH_PATH, permission="collector")
async def handle(ctx: Context, body: Health) -> Reply[HealthAnswer]:
    """Remember the newest state; silent meters, lost lines and unusable profiles become alarms."""
    collector = await note_health(ctx, body)
    await note_faults(ctx, collector, body.lines)
    await note_profiles(ctx, collector, body)
    return ok(HealthAnswer(server_time=ctx.clock.now()))

"""POST /api/v1/collector/readings: a batch of spooled readings (推送抄表)."""

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.take_readings import take_readings
from common.wire import READINGS_PATH, BatchAnswer, ReadingBatch


@post(READINGS_PATH, permission="collector", body_limit=4 << 20)
async def handle(ctx: Context, body: ReadingBatch) -> Reply[BatchAnswer]:
    """Take a batch in; the same batch again changes nothing.

    Errors: Forbidden (another collector's meter), Invalid (more than 1,000 readings).
    """
    return ok(await take_readings(ctx, body))

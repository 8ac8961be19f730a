"""Find collectors that are not heard any more (采集服务失联): nobody calls when nobody is there."""

from msgspec import Struct

from backend.context import Context
from backend.jobs.port import Again
from backend.services.line_faults import note_collectors
from backend.services.show_alarms import measure_alarms

KIND = "watch_collectors"
EVERY_S = 600.0  # Only in case its row was lost: it wants itself again.


class Payload(Struct):
    pass


async def run(ctx: Context, payload: Payload) -> Again:
    look_at = await note_collectors(ctx)
    await measure_alarms()
    return Again(max(1.0, (look_at - ctx.clock.now()).total_seconds()))

"""See a day after an emergency trip whether somebody has written down why (紧急断电原因检查)."""

from backend.context import Context
from backend.jobs.port import Done
from backend.services.emergency_reasons import raise_unexplained
from backend.services.work import CHECK_EMERGENCY_REASON, OffReasonWork

KIND = CHECK_EMERGENCY_REASON
Payload = OffReasonWork


async def run(ctx: Context, payload: OffReasonWork) -> Done:
    await raise_unexplained(ctx, payload.off_reason_id)
    return Done()

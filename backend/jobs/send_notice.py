"""Bring a notice to its people by the cascade (发送通知). Runs again safely: each way is tried once."""

from backend.context import Context
from backend.jobs.port import Again, Done, Lane
from backend.services.notify import bring_notice
from backend.services.work import SEND_NOTICE, NoticeWork

KIND = SEND_NOTICE
LANE = Lane.SLOW
Payload = NoticeWork


async def run(ctx: Context, payload: NoticeWork) -> Done | Again:
    look_at = await bring_notice(ctx, payload.notice_id)
    if look_at is None:
        return Done()
    return Again(max(0.0, (look_at - ctx.clock.now()).total_seconds()))

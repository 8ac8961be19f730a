"""Let a keep-supply wish that nobody answered take effect after 10 minutes (保电默认生效)."""

from backend.context import Context
from backend.jobs.port import Done
from backend.services.keep_supply import review_unanswered
from backend.services.work import REVIEW_KEEP_SUPPLY, KeepSupplyWork

KIND = REVIEW_KEEP_SUPPLY
Payload = KeepSupplyWork


async def run(ctx: Context, payload: KeepSupplyWork) -> Done:
    await review_unanswered(ctx, payload.keep_supply_id)
    return Done()

"""Tell the staff two hours ahead that a keep-supply ends (保电到期提醒)."""

from backend.context import Context
from backend.jobs.port import Done
from backend.services.keep_supply import tell_end
from backend.services.work import TELL_KEEP_SUPPLY_END, KeepSupplyWork

KIND = TELL_KEEP_SUPPLY_END
Payload = KeepSupplyWork


async def run(ctx: Context, payload: KeepSupplyWork) -> Done:
    await tell_end(ctx, payload.keep_supply_id)
    return Done()

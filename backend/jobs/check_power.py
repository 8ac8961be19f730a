"""Look at a power limit when time alone may change something: grace over, silent, restored (超限复查)."""

from backend.context import Context
from backend.jobs.port import Again, Done
from backend.services.power_limit import look_at_power
from backend.services.work import CHECK_POWER, MeterWork
from backend.store import unit_of_work

KIND = CHECK_POWER
Payload = MeterWork


async def run(ctx: Context, payload: MeterWork) -> Done | Again:
    check_at = await unit_of_work(lambda: look_at_power(ctx, payload.meter_id), "check_power")
    if check_at is None:
        return Done()
    return Again(max(0.0, (check_at - ctx.clock.now()).total_seconds()))

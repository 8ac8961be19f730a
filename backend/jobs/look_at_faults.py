"""Tell of a fault that has lasted long enough (故障确认). It only looks: collectors say what is wrong."""

from backend.context import Context
from backend.jobs.port import Done
from backend.services.fault_alarms import reconcile
from backend.services.work import LOOK_AT_FAULTS, SiteWork
from backend.store import unit_of_work

KIND = LOOK_AT_FAULTS
Payload = SiteWork


async def run(ctx: Context, payload: SiteWork) -> Done:
    """Bring the alarms to what is known; if something is still unsettled, that wants the next look itself."""
    await unit_of_work(lambda: reconcile(ctx, payload.site_id), "look_at_faults")
    return Done()

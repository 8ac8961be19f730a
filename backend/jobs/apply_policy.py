"""Let a site's accounts follow its policy after it was changed (策略生效)."""

from backend.context import Context
from backend.jobs.port import Done
from backend.services.change_policy import bring_accounts_up
from backend.services.work import APPLY_POLICY, SiteWork

KIND = APPLY_POLICY
Payload = SiteWork


async def run(ctx: Context, payload: SiteWork) -> Done:
    await bring_accounts_up(ctx, payload.site_id)
    return Done()

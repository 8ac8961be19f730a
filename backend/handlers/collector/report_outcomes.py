"""POST /api/v1/collector/outcomes: how relay orders went (指令进展)."""

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.accept_outcomes import accept_outcomes
from common.wire import OUTCOMES_PATH, BatchAnswer, OutcomeBatch


@post(OUTCOMES_PATH, permission="collector")
async def handle(ctx: Context, body: OutcomeBatch) -> Reply[BatchAnswer]:
    """Remember each step once. Errors: Forbidden (another collector's meter)."""
    return ok(await accept_outcomes(ctx, body))

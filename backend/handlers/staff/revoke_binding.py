"""POST /api/v1/staff/bindings/{binding_id}/revocations: a phone sees an account no more (解除绑定)."""

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.change_contacts import CHANGE, revoke_binding
from backend.services.row_ids import RowId
from backend.services.site_build import Why


@post("/api/v1/staff/bindings/{binding_id}/revocations", permission=CHANGE)
async def handle(ctx: Context, binding_id: RowId, body: Why) -> Reply[None]:
    """End a binding at once. Errors: NotFound."""
    await revoke_binding(ctx, binding_id, body.reason)
    return no_content()

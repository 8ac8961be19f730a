"""POST /api/v1/staff/gateways/{gateway_id}/removals: take an empty gateway out (拆除通讯管理机)."""

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.site_build import Why, remove_gateway


@post("/api/v1/staff/gateways/{gateway_id}/removals", permission="staff.site.build")
async def handle(ctx: Context, gateway_id: RowId, body: Why) -> Reply[None]:
    """Remove a gateway that has no line any more. Errors: NotFound, NotEmpty."""
    await remove_gateway(ctx, gateway_id, body.reason)
    return no_content()

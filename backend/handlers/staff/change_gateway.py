"""PUT /api/v1/staff/gateways/{gateway_id}: change a gateway while it runs (修改通讯管理机)."""

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.row_ids import RowId
from backend.services.site_build import GatewayBody, put_gateway


@put("/api/v1/staff/gateways/{gateway_id}", permission="staff.site.build")
async def handle(ctx: Context, gateway_id: RowId, body: GatewayBody) -> Reply[None]:
    """Make a gateway as the body says. Its lines are dialled at the new address.

    Errors: NotFound, CodeTaken, Invalid.
    """
    await put_gateway(ctx, body, gateway_id)
    return no_content()

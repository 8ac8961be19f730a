"""POST /api/v1/staff/gateways: add a gateway to the running site (新增通讯管理机)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.site_build import GatewayBody, put_gateway


class Added(Struct, frozen=True):
    gateway_id: str


@post("/api/v1/staff/gateways", permission="staff.site.build")
async def handle(ctx: Context, body: GatewayBody) -> Reply[Added]:
    """Add a gateway; the code of one that was removed brings it back.

    Errors: NotFound (shaft), CodeTaken, Invalid.
    """
    return created(Added(await put_gateway(ctx, body)))

"""PUT /api/v1/staff/shops/{shop_id}/remark: what people should know of a shop (商铺备注)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.file_pages import Remark
from backend.services.file_shops import remark_shop
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    remark: Remark


@put("/api/v1/staff/shops/{shop_id}/remark", permission="staff.remark")
async def handle(ctx: Context, shop_id: RowId, body: Body) -> Reply[None]:
    """Write a remark; an empty one takes it away. Errors: NotFound."""
    await remark_shop(ctx, shop_id, body.remark)
    return no_content()

"""POST /api/v1/staff/shops/{shop_id}/door-codes: another code for a shop's door (重新发放门铺码)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.door_codes import DoorCodeView, reissue_door_code
from backend.services.row_ids import RowId
from backend.services.site_parts import Reason


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Reason


@post("/api/v1/staff/shops/{shop_id}/door-codes", permission="staff.binding_code")
async def handle(ctx: Context, shop_id: RowId, body: Body) -> Reply[DoorCodeView]:
    """End the code that hangs at the door and make another one. Errors: NotFound."""
    return created(await reissue_door_code(ctx, shop_id, body.reason))

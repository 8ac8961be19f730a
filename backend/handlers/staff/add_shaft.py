"""POST /api/v1/staff/shafts: add a shaft to the running site (新增强电井)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.site_build import ShaftBody, put_shaft


class Added(Struct, frozen=True):
    shaft_id: str


@post("/api/v1/staff/shafts", permission="staff.site.build")
async def handle(ctx: Context, body: ShaftBody) -> Reply[Added]:
    """Add a shaft; the code of one that was removed brings it back. Errors: CodeTaken."""
    return created(Added(await put_shaft(ctx, body)))

"""POST /api/v1/staff/lines: add a line to the running site (新增总线)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.site_build import LineBody, put_line


class Added(Struct, frozen=True):
    line_id: str


@post("/api/v1/staff/lines", permission="staff.site.build")
async def handle(ctx: Context, body: LineBody) -> Reply[Added]:
    """Add a line; the code of one that was removed brings it back.

    Errors: NotFound (gateway), CodeTaken, Invalid.
    """
    return created(Added(await put_line(ctx, body)))

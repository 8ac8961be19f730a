"""POST /api/v1/staff/imports?request_id=…: take in a file, all or nothing (执行导入)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.import_site import MOST_BYTES, Imported, run_import


@post("/api/v1/staff/imports", permission="staff.account.import", body_limit=MOST_BYTES)
async def handle(
    ctx: Context, request_id: UUID, file_name: Annotated[str, Meta(max_length=128)] = ""
) -> Reply[Imported]:
    """The body is the .xlsx: write its shops, accounts, meters. The same request_id again makes nothing.

    Errors: NotExcel, ImportHasErrors, ImportReused.
    """
    return created(await run_import(ctx, ctx.body, request_id, file_name))

"""POST /api/v1/staff/tasks/{task_id}/done: say that it was done (办结待办)."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.row_ids import RowId
from backend.services.staff_tasks import finish_task


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    note: Annotated[str, Meta(min_length=2, max_length=200)]


@post("/api/v1/staff/tasks/{task_id}/done", permission="staff.task.done")
async def handle(ctx: Context, task_id: RowId, body: Body) -> Reply[None]:
    """Close a task with a note; a call to a tenant counts as proof of notice. Errors: NotFound."""
    await finish_task(ctx, task_id, body.note)
    return no_content()

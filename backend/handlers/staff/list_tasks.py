"""GET /api/v1/staff/tasks: what people must do (待办)."""

from backend.context import Context
from backend.routing import Reply, get, ok
from backend.services.show_lists import TaskView, list_tasks


@get("/api/v1/staff/tasks", permission="staff.board")
async def handle(ctx: Context) -> Reply[list[TaskView]]:
    """Return what is open, newest first."""
    return ok(await list_tasks(ctx))

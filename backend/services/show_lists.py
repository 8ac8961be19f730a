"""What waits for people (待办)."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.models.operations import StaffTask

_MOST = 500


class TaskView(Struct, frozen=True, kw_only=True):
    task_id: str
    kind: str
    account_id: str | None
    text: str
    opened_at: datetime


async def list_tasks(ctx: Context) -> list[TaskView]:
    found = await StaffTask.filter(site_id=ctx.caller.site_id, done_at=None).order_by("-id").limit(_MOST)
    return [
        TaskView(
            task_id=str(row.id),
            kind=row.kind,
            account_id=_text(row.account_id),
            text=row.text,
            opened_at=row.opened_at,
        )
        for row in found
    ]


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)

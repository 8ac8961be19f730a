"""What waits for people (待办)."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.models.accounts import Account
from backend.models.operations import StaffTask
from backend.models.site import Shop

_MOST = 500


class TaskView(Struct, frozen=True, kw_only=True):
    task_id: str
    kind: str
    account_id: str | None
    shop_code: str | None
    shop_name: str | None
    text: str
    opened_at: datetime


async def list_tasks(ctx: Context) -> list[TaskView]:
    found = await StaffTask.filter(site_id=ctx.caller.site_id, done_at=None).order_by("-id").limit(_MOST)
    accounts = await Account.filter(id__in={row.account_id for row in found if row.account_id})
    shops = {row.id: row for row in await Shop.filter(id__in={one.shop_id for one in accounts})}
    shop_of = {one.id: shops[one.shop_id] for one in accounts}
    return [
        TaskView(
            task_id=str(row.id),
            kind=row.kind,
            account_id=_text(row.account_id),
            shop_code=shop_of[row.account_id].code if row.account_id else None,
            shop_name=shop_of[row.account_id].name if row.account_id else None,
            text=row.text,
            opened_at=row.opened_at,
        )
        for row in found
    ]


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)

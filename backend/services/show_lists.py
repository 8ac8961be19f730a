"""Lists for the staff: tasks, keep-supplies (待办、保电)."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.models.accounts import Account, KeepSupply
from backend.models.operations import StaffTask
from backend.models.site import Shop

_MOST = 500


class TaskView(Struct, frozen=True, kw_only=True):
    task_id: str
    kind: str
    account_id: str | None
    text: str
    opened_at: datetime


class KeepSupplyView(Struct, frozen=True, kw_only=True):
    keep_supply_id: str
    account_id: str
    shop_code: str
    shop_name: str
    until_at: datetime
    reason: str
    asked_by: str
    asked_at: datetime
    approved_by: str | None
    effective_at: datetime | None
    state: str  # "asked", "kept", "over".


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


async def list_keep_supplies(ctx: Context) -> list[KeepSupplyView]:
    now = ctx.clock.now()
    accounts = {row.id: row for row in await Account.filter(site_id=ctx.caller.site_id)}
    shops = {row.id: row for row in await Shop.filter(site_id=ctx.caller.site_id)}
    found = (
        await KeepSupply.filter(account_id__in=list(accounts), refused_at=None, released_at=None)
        .order_by("-id")
        .limit(_MOST)
    )
    views = []
    for row in found:
        shop = shops[accounts[row.account_id].shop_id]
        in_force = "kept" if row.until_at > now else "over"
        views.append(
            KeepSupplyView(
                keep_supply_id=str(row.id),
                account_id=str(row.account_id),
                shop_code=shop.code,
                shop_name=shop.name,
                until_at=row.until_at,
                reason=row.reason,
                asked_by=str(row.asked_by),
                asked_at=row.asked_at,
                approved_by=_text(row.approved_by),
                effective_at=row.effective_at,
                state=in_force if row.effective_at else "asked",
            )
        )
    return views


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)

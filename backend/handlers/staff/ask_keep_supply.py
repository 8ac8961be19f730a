"""POST /api/v1/staff/accounts/{account_id}/keep-supplies: ask to keep a shop on (保电申请)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.keep_supply import ask_keep_supply
from backend.services.row_ids import RowId


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    until_at: Annotated[datetime, Meta(tz=True)]
    reason: Annotated[str, Meta(min_length=2, max_length=200)]


class Asked(Struct, frozen=True):
    keep_supply_id: str


@post("/api/v1/staff/accounts/{account_id}/keep-supplies", permission="staff.keep_supply.ask")
async def handle(ctx: Context, account_id: RowId, body: Body) -> Reply[Asked]:
    """Ask; another person approves. Errors: NotFound, Invalid (more than 72 h)."""
    return created(Asked(await ask_keep_supply(ctx, account_id, body.until_at, body.reason)))

"""A wizard as it was left (开户草稿): kept on the server, for a counter PC is shared and keeps nobody's data.

One a person, seen by nobody else, gone after a week. It books nothing and promises nothing.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.models.openings import OpeningDraft
from backend.store import unit_of_work

KEPT_FOR = timedelta(days=7)


class SavedDraft(Struct, frozen=True, kw_only=True):
    """content: as the page wrote it; None when there is none."""

    content: dict[str, Any] | None
    saved_at: datetime | None


async def save_draft(ctx: Context, content: dict[str, Any]) -> SavedDraft:
    """Keep the caller's draft in place of the one before (保存草稿)."""
    now = ctx.clock.now()
    text = msgspec.json.encode(content).decode()

    async def work() -> None:
        await OpeningDraft.filter(saved_at__lt=now - KEPT_FOR).delete()
        values = {"site_id": ctx.caller.site_id, "content": text, "saved_at": now}
        if not await OpeningDraft.filter(staff_id=ctx.caller.id).update(**values):
            await OpeningDraft.update_or_create(defaults=values, staff_id=ctx.caller.id)

    await unit_of_work(work, "save_draft")
    return SavedDraft(content=content, saved_at=now)


async def show_draft(ctx: Context) -> SavedDraft:
    row = await OpeningDraft.get_or_none(staff_id=ctx.caller.id)
    if row is None or row.site_id != ctx.caller.site_id or row.saved_at < ctx.clock.now() - KEPT_FOR:
        return SavedDraft(content=None, saved_at=None)
    return SavedDraft(content=msgspec.json.decode(row.content), saved_at=row.saved_at)


async def drop_draft(ctx: Context) -> None:
    """Throw the caller's draft away (丢弃草稿); harmless when there is none."""

    async def work() -> None:
        await OpeningDraft.filter(staff_id=ctx.caller.id).delete()

    await unit_of_work(work, "drop_draft")

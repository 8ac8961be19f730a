"""Read one meter now (立即抄表): for a person, or to confirm a trip."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tortoise.expressions import Q

from backend.context import Context
from backend.models.supply import ReadRequest
from backend.services.row_ids import id_of
from backend.services.work import wake
from backend.store import run, sql_time, upsert_sql

READ_WITHIN = timedelta(seconds=60)


async def ask_reading(
    ctx: Context,
    site_id: int,
    meter_id: int,
    purpose: str,
    *,
    wait: timedelta = timedelta(),
    asked_by: int | None = None,
) -> str:
    """Place a read request inside a unit of work and return its id; a standing one for the purpose is kept.

    purpose: "staff", "confirm" or "ratio". wait: the collector is asked only then.
    """
    now = ctx.clock.now()
    key = f"{purpose}:{meter_id}"
    known = await ReadRequest.get_or_none(standing_key=key)
    if known is not None and known.expires_at > now:
        return str(known.id)
    if known is not None:
        known.standing_key = None
        await known.save(update_fields=["standing_key"])
    values: dict[str, Any] = {
        "id": ctx.ids.new(),
        "site_id": site_id,
        "meter_id": meter_id,
        "purpose": purpose,
        "asked_by": asked_by,
        "asked_at": sql_time(now),
        "due_at": sql_time(now + wait),
        "expires_at": sql_time(now + wait + READ_WITHIN),
        "standing_key": key,
    }
    # Two at once ask once: whoever comes second finds the first one's row.
    names = list(values)
    keep = [name for name in names if name != "standing_key"]
    await run(upsert_sql("read_request", names, ["standing_key"], keep=keep), list(values.values()))
    wake(ctx, f"desired:{site_id}")
    return str((await ReadRequest.get(standing_key=key)).id)


async def answer_requests(ctx: Context, read: Iterable[str], peeked: Iterable[str]) -> None:
    """Close the requests that readings name; a peek shows the meter, but confirms nothing."""
    for keys, but in ((read, None), (peeked, Q(purpose="confirm"))):
        numbers = [number for key in sorted(keys) if (number := id_of(key)) is not None]
        if not numbers:
            continue
        asked = ReadRequest.filter(id__in=numbers, answered_at=None)
        if but is not None:
            asked = asked.exclude(but)
        await asked.update(answered_at=ctx.clock.now(), standing_key=None)

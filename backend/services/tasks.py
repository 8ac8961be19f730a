"""Alarms and things for people to do (告警、人工待办). Once per cause; called inside a unit of work."""

from typing import Any

import msgspec

from backend.context import Context
from backend.models.operations import Alarm, StaffTask
from backend.services.work import wake

PAYMENT_MISMATCH = "payment_mismatch"  # Money that we cannot account for: finance looks at it.


async def open_task(
    ctx: Context, site_id: int, kind: str, *, cause: str, text: str, account_id: int | None = None
) -> None:
    """Put something on the staff's list, once per cause."""
    if not await StaffTask.exists(cause=cause):
        await StaffTask.create(
            id=ctx.ids.new(),
            site_id=site_id,
            kind=kind,
            cause=cause,
            text=text[:200],
            account_id=account_id,
            opened_at=ctx.clock.now(),
        )
        wake(ctx, f"live:{site_id}")


async def raise_alarm(
    ctx: Context,
    site_id: int,
    kind: str,
    key: str,
    text: str,
    *,
    severity: str = "major",
    meter_id: int | None = None,
    account_id: int | None = None,
    facts: dict[str, Any] | None = None,
) -> None:
    """Raise an alarm unless the same one stands already. `key` names its cause, e.g. a meter id."""
    standing_key = f"{kind}:{key}"
    if not await Alarm.exists(standing_key=standing_key):
        await Alarm.create(
            id=ctx.ids.new(),
            site_id=site_id,
            kind=kind,
            severity=severity,
            meter_id=meter_id,
            account_id=account_id,
            text=text[:200],
            facts=msgspec.json.encode(facts or {}).decode(),
            raised_at=ctx.clock.now(),
            standing_key=standing_key,
        )
        wake(ctx, f"live:{site_id}")


async def clear_alarm(ctx: Context, kind: str, key: str) -> None:
    """End an alarm when its cause is gone; harmless when there is none."""
    await Alarm.filter(standing_key=f"{kind}:{key}").update(cleared_at=ctx.clock.now(), standing_key=None)

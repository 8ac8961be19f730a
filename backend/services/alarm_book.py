"""The book of alarms (告警簿): raised once per cause, changed step by step, every step kept.

Called inside a unit of work, often somebody else's: while nothing is new each call is one look.
An alarm that comes back within minutes is the same alarm again, counted.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.fault_tree import FaultKind
from backend.models.operations import Alarm, AlarmEvent
from backend.services.work import wake
from backend.store import rows, run, sql_time, upsert_sql

FLAP_WITHIN = timedelta(minutes=10)
SEVERITIES = ("minor", "major", "urgent")  # Worse to the right.

# What the silence of its meter explains. An urgent one, a paid restore, always speaks for itself.
EXPLAINED = ("order_unreachable",)
COMMUNICATION = tuple(kind.value for kind in FaultKind)

_SHAFT_SQL = """
SELECT g.shaft_id FROM meter m JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id
WHERE m.id = ?"""


class Step(StrEnum):
    """What happened to an alarm (经过)."""

    RAISED = "raised"
    REOPENED = "reopened"
    WORSE = "worse"
    CHILD_JOINED = "child_joined"  # On the root; on the child it is JOINED.
    JOINED = "joined"
    LEFT = "left"  # Its root is gone, and it is still wrong.
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    CLEARED = "cleared"


class CoveredFacts(Struct, frozen=True):
    """What a root explains, in its `facts` (影响范围): ids and names, for those who read it."""

    gateways: list[str] = []
    lines: list[str] = []
    meters: list[int] = []
    shops: int = 0


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
    shaft_id: int | None = None,
    since_at: datetime | None = None,
    root_id: int | None = None,
) -> Alarm:
    """Raise an alarm unless the same one stands already, and return it.

    key:      names its cause within its kind, e.g. a meter id.
    since_at: when the fault began; now unless known.
    root_id:  the standing alarm that explains it: then nobody is told of this one.
    A standing alarm that is found worse than it was speaks again, snoozed or not.
    """
    cause = f"{kind}:{key}"
    standing = await Alarm.get_or_none(standing_key=cause)
    if standing is not None:
        await _note_severity(ctx, standing, severity, text)
        return standing
    now = ctx.clock.now()
    if shaft_id is None and meter_id is not None:
        found = await rows(_SHAFT_SQL, [meter_id])
        shaft_id = int(found[0]["shaft_id"]) if found else None
    if kind in EXPLAINED and severity != "urgent" and meter_id is not None:
        root_id = await _root_of(site_id, meter_id)
    again = await Alarm.filter(cause=cause, cleared_at__gt=now - FLAP_WITHIN).order_by("-cleared_at").first()
    values: dict[str, Any] = {
        "severity": severity,
        "text": text[:200],
        "facts": msgspec.json.encode(facts or {}).decode(),
        "root_id": root_id,
        "shaft_id": shaft_id,
        "meter_id": meter_id,
        "account_id": account_id,
    }
    if again is not None and await _reopen(ctx, again, cause, values):
        return again
    number = ctx.ids.new()
    values |= {
        "id": number,
        "site_id": site_id,
        "kind": kind,
        "cause": cause,
        "standing_key": cause,
        "raised_at": sql_time(now),
        "since_at": sql_time(since_at or now),
        "reopened": 0,
        "version": 1,
        "snooze_reason": "",
    }
    await _insert(values)
    alarm = await Alarm.get(standing_key=cause)
    if alarm.id == number:  # Otherwise somebody else raised the same one in this instant.
        await note(ctx, alarm, Step.RAISED, text, other_id=root_id)
    return alarm


async def _root_of(site_id: int, meter_id: int) -> int | None:
    """Return the standing fault of communication that a meter is part of."""
    standing = Alarm.filter(site_id=site_id, kind__in=COMMUNICATION, standing_key__gt="", root_id=None)
    for alarm in await standing.order_by("id"):
        if alarm.meter_id == meter_id or meter_id in covered_meters(alarm):
            return int(alarm.id)
    return None


def covered_meters(alarm: Alarm) -> list[int]:
    """Return the meters that a fault of communication explains, as its facts say."""
    return msgspec.json.decode(alarm.facts, type=CoveredFacts).meters


async def _insert(values: dict[str, Any]) -> None:
    """Insert a row unless the same cause stands: two at once must not undo each other's transaction."""
    names = list(values)
    sql = upsert_sql("alarm", names, ["standing_key"], keep=[one for one in names if one != "standing_key"])
    await run(sql, list(values.values()))


async def _reopen(ctx: Context, alarm: Alarm, cause: str, values: dict[str, Any]) -> bool:
    """Let an alarm that was just cleared stand again; whoever saw to it still does. False: lost a race."""
    changed = await Alarm.filter(id=alarm.id, standing_key=None).update(
        **values,
        standing_key=cause,
        cleared_at=None,
        snoozed_until_at=None,
        snooze_reason="",
        reopened=alarm.reopened + 1,
    )
    if changed:
        await note(ctx, alarm, Step.REOPENED, values["text"], other_id=values["root_id"])
    return bool(changed)


async def _note_severity(ctx: Context, alarm: Alarm, severity: str, text: str) -> None:
    if SEVERITIES.index(severity) <= SEVERITIES.index(alarm.severity):
        return
    await Alarm.filter(id=alarm.id).update(
        severity=severity, text=text[:200], snoozed_until_at=None, snooze_reason="", acknowledged_at=None
    )
    await note(ctx, alarm, Step.WORSE, text)
    if alarm.kind in EXPLAINED and severity == "urgent":
        await join(ctx, alarm, None)


async def note(
    ctx: Context, alarm: Alarm, step: Step, text: str = "", *, other_id: int | None = None
) -> None:
    """Keep one step of an alarm, and let open pages know."""
    await AlarmEvent.create(
        id=ctx.ids.new(),
        site_id=alarm.site_id,
        alarm_id=alarm.id,
        at=ctx.clock.now(),
        kind=step.value,
        actor=ctx.caller.actor,
        note=text[:200],
        other_id=other_id,
    )
    if step is not Step.RAISED:
        await run("UPDATE alarm SET version = version + 1 WHERE id = ?", [alarm.id])
    wake(ctx, f"live:{alarm.site_id}")


async def clear_alarm(ctx: Context, kind: str, key: str) -> None:
    """End an alarm when its cause is gone; harmless when there is none."""
    alarm = await Alarm.get_or_none(standing_key=f"{kind}:{key}")
    if alarm is not None:
        await end_alarm(ctx, alarm)


async def end_alarm(ctx: Context, alarm: Alarm, reason: str = "") -> None:
    """End a standing alarm; what it explained and is still wrong stands alone from now on."""
    ended = Alarm.filter(id=alarm.id, standing_key__isnull=False)
    if not await ended.update(cleared_at=ctx.clock.now(), standing_key=None):
        return
    await note(ctx, alarm, Step.CLEARED, reason)
    for child in await Alarm.filter(root_id=alarm.id, standing_key__isnull=False).order_by("id"):
        await join(ctx, child, None)


async def join(ctx: Context, alarm: Alarm, root: Alarm | None) -> None:
    """Put an alarm under the root that explains it, or let it stand alone."""
    root_id = None if root is None else root.id
    if alarm.root_id == root_id:
        return
    await Alarm.filter(id=alarm.id).update(root_id=root_id)
    if root is None:
        # It is news to everybody: until now the root spoke for it.
        await Alarm.filter(id=alarm.id).update(snoozed_until_at=None, snooze_reason="")
        await note(ctx, alarm, Step.LEFT, other_id=alarm.root_id)
    else:
        await note(ctx, alarm, Step.JOINED, other_id=root.id)
        await note(ctx, root, Step.CHILD_JOINED, alarm.text, other_id=alarm.id)
    alarm.root_id = root_id

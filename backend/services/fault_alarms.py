"""From what is known to what stands (故障告警): raises, joins and ends alarms of communication.

Whoever calls it, and however often: the same facts give the same alarms. Inside a unit of work.
"""

from datetime import datetime

import msgspec

from backend.context import Context
from backend.domain.fault_tree import Cause, Fault, FaultKind, arrange, standing_faults
from backend.models.operations import Alarm
from backend.services.alarm_book import (
    COMMUNICATION,
    EXPLAINED,
    covered_meters,
    end_alarm,
    join,
    raise_alarm,
)
from backend.services.fault_facts import Known, known_of
from backend.services.fault_words import covered, described, severity_of
from backend.services.work import look_at_faults


async def reconcile(ctx: Context, site_id: int) -> datetime | None:
    """Bring the site's alarms of communication to what is known.

    Returns when time alone may change something; a job looks then.
    """
    now = ctx.clock.now()
    query = Alarm.filter(site_id=site_id, kind__in=COMMUNICATION, standing_key__gt="").order_by("id")
    standing = {cause_of(alarm): alarm for alarm in await query}
    known = await known_of(site_id, frozenset(standing), now)
    change = arrange(standing, standing_faults(known.tree, known.away))
    for fault in change.raised:
        standing[fault.cause] = await _raise(ctx, site_id, fault, known, now)
    for fault in change.roots:
        alarm = standing[fault.cause]
        await join(ctx, alarm, None)
        await _keep_facts(alarm, fault, known)
    for cause, root in change.children.items():
        await join(ctx, standing[cause], standing[root])
    for cause in reversed(change.healed):  # What was below first: it does not stand alone on its way out.
        await end_alarm(ctx, standing[cause])
    roots = [standing[fault.cause] for fault in (*change.raised, *change.roots)]
    await _explain(ctx, site_id, roots)
    if known.look_at is not None:
        await look_at_faults(ctx, site_id, known.look_at)
    return known.look_at


def cause_of(alarm: Alarm) -> Cause:
    return Cause(FaultKind(alarm.kind), int(alarm.cause.partition(":")[2]))


async def _raise(ctx: Context, site_id: int, fault: Fault, known: Known, now: datetime) -> Alarm:
    return await raise_alarm(
        ctx,
        site_id,
        fault.cause.kind.value,
        str(fault.cause.object_id),
        severity=severity_of(fault, known),
        facts=covered(fault, known),
        **described(fault, known, now),
    )


async def _keep_facts(alarm: Alarm, fault: Fault, known: Known) -> None:
    """Let a root say what it explains now: meters come and go while it stands."""
    facts = msgspec.json.encode(covered(fault, known)).decode()
    if facts != alarm.facts:
        alarm.facts = facts
        await Alarm.filter(id=alarm.id).update(facts=facts, version=alarm.version + 1)


async def _explain(ctx: Context, site_id: int, roots: list[Alarm]) -> None:
    """Put under the roots what their meters' silence explains; a paid restore speaks for itself."""
    of_meter = {meter_id: root for root in roots for meter_id in covered_meters(root)}
    of_meter |= {root.meter_id: root for root in roots if root.meter_id is not None}
    for alarm in await Alarm.filter(site_id=site_id, kind__in=EXPLAINED, standing_key__gt=""):
        root = None if alarm.severity == "urgent" else of_meter.get(alarm.meter_id or 0)
        await join(ctx, alarm, root)

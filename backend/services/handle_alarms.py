"""What people do about an alarm (告警处理): acknowledge, assign, snooze, end by their word."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from backend.context import Context
from backend.errors import Invalid, NotFound, Refused
from backend.models.operations import Alarm
from backend.models.people import Staff
from backend.services.alarm_book import Step, end_alarm, note
from backend.services.audit import record
from backend.services.row_ids import id_of
from backend.services.show_alarms import may_be_cleared
from backend.store import unit_of_work

LONGEST_SNOOZE = timedelta(days=7)


class AlarmIsOver(Refused):
    code = "alarm_is_over"
    message = "该告警已经结束"


class EndsByItself(Refused):
    """A person's word does not end it: it ends when the fault does."""

    code = "alarm_ends_by_itself"
    message = "该告警在故障消除后自动结束，不能手工关闭"


class WrongSnooze(Invalid):
    code = "wrong_snooze"
    message = "静音的截止时间须在 7 天以内的将来"


async def acknowledge(ctx: Context, alarm_id: int, remark: str) -> None:
    """Say that somebody has seen it (确认). The first one stays; a second call is on record alone.

    Errors: NotFound, AlarmIsOver.
    """

    async def work() -> None:
        alarm = await _standing(ctx, alarm_id)
        if alarm.acknowledged_at is None:
            values = {"acknowledged_at": ctx.clock.now(), "acknowledged_by": ctx.caller.id}
            await Alarm.filter(id=alarm.id).update(**values)
            await note(ctx, alarm, Step.ACKNOWLEDGED, remark)
        await record(ctx, "staff.alarm.acknowledged", f"alarm:{alarm.id}", reason=remark, facts=_facts(alarm))

    await unit_of_work(work, "acknowledge_alarm")


class Acknowledged(Struct, frozen=True):
    """alarms: acknowledged now or before. over: had ended before anybody said so."""

    alarms: int
    over: int


async def acknowledge_many(ctx: Context, alarm_ids: Sequence[str], remark: str) -> Acknowledged:
    """Say of several that somebody has seen them, in one transaction. Errors: NotFound (any of them)."""
    wanted = sorted({id_of(one) or 0 for one in alarm_ids})

    async def work() -> Acknowledged:
        query = Alarm.filter(id__in=wanted, site_id=ctx.caller.site_id)
        found = await query.order_by("id").select_for_update()
        if len(found) != len(wanted):
            raise NotFound()
        standing = [alarm for alarm in found if alarm.standing_key is not None]
        for alarm in standing:
            if alarm.acknowledged_at is None:
                values = {"acknowledged_at": ctx.clock.now(), "acknowledged_by": ctx.caller.id}
                await Alarm.filter(id=alarm.id).update(**values)
                await note(ctx, alarm, Step.ACKNOWLEDGED, remark)
        facts = {"alarms": [str(alarm.id) for alarm in standing]}
        object_ = f"site:{ctx.caller.site_id}"
        await record(ctx, "staff.alarm.acknowledged", object_, reason=remark, facts=facts)
        return Acknowledged(len(standing), len(found) - len(standing))

    return await unit_of_work(work, "acknowledge_alarms")


async def assign(ctx: Context, alarm_id: int, staff_id: int) -> None:
    """Give it to a person (指派). Errors: NotFound (alarm or person), AlarmIsOver."""

    async def work() -> None:
        alarm = await _standing(ctx, alarm_id)
        person = await Staff.get_or_none(id=staff_id, site_id=ctx.caller.site_id, disabled_at=None)
        if person is None:
            raise NotFound()
        await Alarm.filter(id=alarm.id).update(assigned_to=person.id)
        await note(ctx, alarm, Step.ASSIGNED, person.name, other_id=person.id)
        facts = {**_facts(alarm), "assigned_to": str(person.id)}
        await record(ctx, "staff.alarm.assigned", f"alarm:{alarm.id}", facts=facts)

    await unit_of_work(work, "assign_alarm")


async def snooze(ctx: Context, alarm_id: int, until_at: datetime, reason: str) -> None:
    """Let it be quiet for a time (静音). It speaks again earlier when it gets worse or comes back.

    Errors: NotFound, AlarmIsOver, WrongSnooze.
    """
    if not ctx.clock.now() < until_at <= ctx.clock.now() + LONGEST_SNOOZE:
        raise WrongSnooze()

    async def work() -> None:
        alarm = await _standing(ctx, alarm_id)
        await Alarm.filter(id=alarm.id).update(snoozed_until_at=until_at, snooze_reason=reason[:200])
        await note(ctx, alarm, Step.SNOOZED, reason)
        facts = {**_facts(alarm), "until_at": until_at.isoformat()}
        await record(ctx, "staff.alarm.snoozed", f"alarm:{alarm.id}", reason=reason, facts=facts)

    await unit_of_work(work, "snooze_alarm")


async def clear(ctx: Context, alarm_id: int, reason: str) -> None:
    """End an alarm by a person's word, where the facts alone cannot (手工关闭).

    Errors: NotFound, AlarmIsOver, EndsByItself.
    """

    async def work() -> None:
        alarm = await _standing(ctx, alarm_id)
        if not may_be_cleared(alarm.kind):
            raise EndsByItself()
        await end_alarm(ctx, alarm, reason)
        await record(ctx, "staff.alarm.cleared", f"alarm:{alarm.id}", reason=reason, facts=_facts(alarm))

    await unit_of_work(work, "clear_alarm")


async def _standing(ctx: Context, alarm_id: int) -> Alarm:
    alarm = await Alarm.filter(id=alarm_id, site_id=ctx.caller.site_id).select_for_update().first()
    if alarm is None:
        raise NotFound()
    if alarm.standing_key is None:
        raise AlarmIsOver()
    return alarm


def _facts(alarm: Alarm) -> dict[str, str]:
    return {"kind": alarm.kind, "cause": alarm.cause}

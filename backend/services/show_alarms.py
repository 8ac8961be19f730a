"""Alarms for the staff (告警列表、历史、详情): what stands, by root; what was; how one of them went."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.errors import NotFound
from backend.metrics import set_alarms
from backend.models.operations import Alarm, AlarmEvent
from backend.models.people import Staff
from backend.models.site import Shaft
from backend.services.alarm_book import CoveredFacts
from backend.services.alarm_objects import AlarmObject, objects_of
from backend.store import rows

_MOST = 500
_CLEARED_BY_HAND = frozenset(
    {
        "order_contradicted",  # A welded contact that was changed; a bypass that was taken out.
        "order_refused",
        "reading_future",
        "meter_clock",  # Set right on site; the meter itself says so once a day only.
    }
)


class Children(Struct, frozen=True, kw_only=True):
    """What a root explains (影响范围). `alarms`: those that stood before it and still stand below it."""

    gateways: list[str]
    lines: list[str]
    meters: int
    shops: int
    alarms: int


class AlarmView(Struct, frozen=True, kw_only=True):
    """One alarm. `since_at` is when the fault began, `raised_at` when it was told."""

    alarm_id: str
    kind: str
    severity: str  # "urgent", "major", "minor".
    meter_id: str | None
    account_id: str | None
    shaft: str | None
    text: str
    object: AlarmObject
    since_at: datetime
    raised_at: datetime
    cleared_at: datetime | None
    duration_s: int
    root_id: str | None
    children: Children
    acknowledged_at: datetime | None
    acknowledged_by: str | None  # A name, as the next two.
    assigned_to: str | None
    assigned_id: str | None
    snoozed_until_at: datetime | None  # Only while it lies ahead.
    snooze_reason: str
    reopened: int
    may_be_cleared: bool
    version: int


class AlarmStep(Struct, frozen=True, kw_only=True):
    at: datetime
    step: str
    actor: str  # A name; empty: the platform itself.
    note: str
    other_id: str | None


class AlarmDetail(Struct, frozen=True, kw_only=True):
    alarm: AlarmView
    children: list[AlarmView]
    steps: list[AlarmStep]
    meter_ids: list[str]  # All that it explains, whether they have an alarm or not.


class AlarmPage(Struct, frozen=True, kw_only=True):
    alarms: list[AlarmView]
    next_before: str | None  # Ask with it for what is older; None: there is no more.


class AlarmMark(Struct, frozen=True, array_like=True):
    """An alarm as an open page knows it: ask again for the list when a version differs."""

    alarm_id: str
    version: int


def may_be_cleared(kind: str) -> bool:
    """Say whether a person's word ends it; the others end when their facts say so."""
    return kind in _CLEARED_BY_HAND


async def list_alarms(
    ctx: Context,
    *,
    kind: str | None = None,
    severity: str | None = None,
    shaft: str | None = None,
    mine: bool = False,
    unacknowledged: bool = False,
) -> list[AlarmView]:
    """Return what stands and is explained by nothing else, the worst and newest first."""
    query = Alarm.filter(site_id=ctx.caller.site_id, standing_key__gt="", root_id=None)
    if kind is not None:
        query = query.filter(kind=kind)
    if severity is not None:
        query = query.filter(severity=severity)
    if shaft is not None:
        query = query.filter(shaft_id=await _shaft_id(ctx, shaft))
    if mine:
        query = query.filter(assigned_to=ctx.caller.id)
    if unacknowledged:
        query = query.filter(acknowledged_at=None)
    views = await views_of(ctx, await query.order_by("-id").limit(_MOST))
    return sorted(views, key=lambda view: ("urgent", "major", "minor").index(view.severity))


async def _shaft_id(ctx: Context, code: str) -> int:
    found = await Shaft.get_or_none(site_id=ctx.caller.site_id, code=code)
    return found.id if found is not None else 0


async def list_history(
    ctx: Context,
    *,
    from_at: datetime | None,
    to_at: datetime | None,
    meter_id: int | None,
    kind: str | None,
    before: int | None,
    limit: int,
    severity: str | None = None,
    shaft: str | None = None,
) -> AlarmPage:
    """Return alarms that were raised within a time, standing or not, children too, newest first."""
    query = Alarm.filter(site_id=ctx.caller.site_id)
    if from_at is not None:
        query = query.filter(raised_at__gte=from_at)
    if to_at is not None:
        query = query.filter(raised_at__lt=to_at)
    if meter_id is not None:
        query = query.filter(meter_id=meter_id)
    if kind is not None:
        query = query.filter(kind=kind)
    if severity is not None:
        query = query.filter(severity=severity)
    if shaft is not None:
        query = query.filter(shaft_id=await _shaft_id(ctx, shaft))
    if before is not None:
        query = query.filter(id__lt=before)
    found = await query.order_by("-id").limit(limit + 1)
    more = str(found[limit - 1].id) if len(found) > limit else None
    return AlarmPage(alarms=await views_of(ctx, found[:limit]), next_before=more)


async def show_alarm(ctx: Context, alarm_id: int) -> AlarmDetail:
    """Return an alarm with its children and all that happened to it. Errors: NotFound."""
    alarm = await Alarm.get_or_none(id=alarm_id, site_id=ctx.caller.site_id)
    if alarm is None:
        raise NotFound()
    (view,) = await views_of(ctx, [alarm])
    children = await Alarm.filter(root_id=alarm.id).order_by("id").limit(_MOST)
    names = await _names(ctx)
    steps = await AlarmEvent.filter(alarm_id=alarm.id).order_by("id").limit(_MOST)
    return AlarmDetail(
        alarm=view,
        children=await views_of(ctx, children),
        steps=[
            AlarmStep(
                at=step.at,
                step=step.kind,
                actor=_actor(step.actor, names),
                note=step.note,
                other_id=_text(step.other_id),
            )
            for step in steps
        ],
        meter_ids=[str(number) for number in _facts(alarm).meters],
    )


async def marks_of(site_id: int) -> list[AlarmMark]:
    """Return the roots that stand, each with its version: one look, for open pages."""
    found = await rows(
        "SELECT id, version FROM alarm WHERE standing_key > '' AND site_id = ? AND root_id IS NULL"
        " ORDER BY id",
        [site_id],
    )
    return [AlarmMark(str(row["id"]), int(row["version"])) for row in found]


async def measure_alarms() -> None:
    """Count what stands for the metrics, by kind and severity; children are not counted."""
    found = await rows(
        "SELECT kind, severity, COUNT(*) AS n FROM alarm WHERE standing_key > '' AND root_id IS NULL"
        " GROUP BY kind, severity"
    )
    set_alarms({(row["kind"], row["severity"]): int(row["n"]) for row in found})


async def views_of(ctx: Context, alarms: Iterable[Alarm]) -> list[AlarmView]:
    listed = list(alarms)
    if not listed:
        return []
    names = await _names(ctx)
    shafts = {row.id: row.code for row in await Shaft.filter(site_id=ctx.caller.site_id)}
    marks = ",".join("?" * len(listed))
    below = {
        int(row["root_id"]): int(row["n"])
        for row in await rows(
            f"SELECT root_id, COUNT(*) AS n FROM alarm WHERE root_id IN ({marks}) GROUP BY root_id",
            [alarm.id for alarm in listed],
        )
    }
    now = ctx.clock.now()
    objects = await objects_of(listed)
    return [_view(alarm, names, shafts, objects[alarm.id], below.get(alarm.id, 0), now) for alarm in listed]


def _view(
    alarm: Alarm,
    names: dict[int, str],
    shafts: dict[int, str],
    about: AlarmObject,
    below: int,
    now: datetime,
) -> AlarmView:
    facts = _facts(alarm)
    since_at = alarm.since_at or alarm.raised_at
    snoozed = alarm.snoozed_until_at
    return AlarmView(
        alarm_id=str(alarm.id),
        kind=alarm.kind,
        severity=alarm.severity,
        meter_id=_text(alarm.meter_id),
        account_id=_text(alarm.account_id),
        shaft=shafts.get(alarm.shaft_id or 0),
        text=alarm.text,
        object=about,
        since_at=since_at,
        raised_at=alarm.raised_at,
        cleared_at=alarm.cleared_at,
        duration_s=max(0, int(((alarm.cleared_at or now) - since_at).total_seconds())),
        root_id=_text(alarm.root_id),
        children=Children(
            gateways=facts.gateways,
            lines=facts.lines,
            meters=len(facts.meters),
            shops=facts.shops,
            alarms=below,
        ),
        acknowledged_at=alarm.acknowledged_at,
        acknowledged_by=names.get(alarm.acknowledged_by or 0),
        assigned_to=names.get(alarm.assigned_to or 0),
        assigned_id=_text(alarm.assigned_to),
        snoozed_until_at=snoozed if snoozed is not None and snoozed > now else None,
        snooze_reason=alarm.snooze_reason,
        reopened=alarm.reopened,
        may_be_cleared=alarm.cleared_at is None and may_be_cleared(alarm.kind),
        version=alarm.version,
    )


def _facts(alarm: Alarm) -> CoveredFacts:
    """Read what an alarm explains; of other kinds the facts are something else, and nothing is explained."""
    try:
        return msgspec.json.decode(alarm.facts or "{}", type=CoveredFacts)
    except msgspec.ValidationError:
        return CoveredFacts()


async def _names(ctx: Context) -> dict[int, str]:
    return {row.id: row.name for row in await Staff.filter(site_id=ctx.caller.site_id)}


def _actor(actor: str, names: dict[int, str]) -> str:
    kind, _, number = actor.partition(":")
    return names.get(int(number), "") if kind == "staff" and number.isdigit() else ""


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)

"""Changing a site's wiring while it runs (在线改造): one change at a time, checked, planned, on record.

Every change locks the site's row first, then what it changes, the head of the audit chain last.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from tortoise.models import Model

from backend.context import Context
from backend.errors import Invalid, NotFound, Refused
from backend.models.meters import Meter
from backend.models.operations import Alarm
from backend.models.site import Gateway, Line, Site
from backend.services.alarm_book import end_alarm
from backend.services.audit import record
from backend.services.meter_models import known_families
from backend.services.site_plan import renew_plan
from backend.services.site_rules import Hung, Problems, Wire, Wiring
from backend.services.work import wake
from backend.store import unit_of_work

T = TypeVar("T")
M = TypeVar("M", bound=Model)


class CodeTaken(Refused):
    code = "code_taken"
    message = "编号 {code} 已被使用"


class NotEmpty(Refused):
    """Something still hangs on it: take that away first."""

    code = "not_empty"
    message = "还有{what}，不能拆除"


async def change_site(ctx: Context, work: Callable[[int], Awaitable[T]]) -> T:
    """Run one change of the caller's site in a unit of work; a plan that differs gets another version."""
    site_id = ctx.caller.site_id

    async def whole() -> T:
        await Site.filter(id=site_id).select_for_update().get()
        result = await work(site_id)
        wake(ctx, f"live:{site_id}")
        return result

    return await unit_of_work(whole, "change_site")


async def planned(ctx: Context, site_id: int, operation: str, object_: str, **more: Any) -> None:
    """Finish a change: renew the plan, then leave the record (which is a unit of work's last write)."""
    changed = await renew_plan(ctx, site_id)
    facts = {**more.pop("facts", {}), "plan_changed": changed}
    await record(ctx, operation, object_, facts=facts, **more)


async def own(table: type[M], site_id: int, row_id: int) -> M:
    """Lock a shaft, gateway or line of the site that is not removed. Errors: NotFound."""
    row = await table.filter(id=row_id, site_id=site_id, removed_at=None).select_for_update().first()
    if row is None:
        raise NotFound()
    return row


async def put_new(ctx: Context, table: type[M], site_id: int, code: str, values: Mapping[str, Any]) -> M:
    """Make a row, or bring back the removed one of the same code. Errors: CodeTaken."""
    row = await table.filter(site_id=site_id, code=code).select_for_update().first()
    if row is None:
        return await table.create(id=ctx.ids.new(), site_id=site_id, code=code, **values)
    if getattr(row, "removed_at", None) is None:
        raise CodeTaken(code=code)
    for name, value in {**values, "removed_at": None}.items():
        setattr(row, name, value)
    await row.save()
    return row


async def wires(site_id: int) -> dict[int, Wire]:
    """Return how each line of the site is reached, by its id."""
    gateways = {row.id: row for row in await Gateway.filter(site_id=site_id, removed_at=None)}
    return {
        line.id: Wire(
            code=line.code,
            protocol=line.protocol,
            host=gateways[line.gateway_id].host,  # type: ignore[attr-defined]
            port=line.port,
            device=line.device,
        )
        for line in await Line.filter(site_id=site_id, removed_at=None).order_by("id")
    }


async def check_wiring(site_id: int, *, lines: Collection[int] = (), meters: Collection[int] = ()) -> None:
    """Check the wiring as it now stands in the unit of work; raise Invalid for what was changed.

    lines, meters: ids of what the change touched. All the rest comes first, so that it is never to blame.
    Errors: Invalid with fields; of several meters each field is "<serial>.<field>".
    """
    known = await known_families(site_id)
    wiring = Wiring(known)
    reach = await wires(site_id)
    hung = await Meter.filter(site_id=site_id, retired_at=None, line_id__in=list(reach)).order_by("id")
    problems: Problems = {}
    for line_id in sorted(reach, key=lambda one: one in lines):
        found = wiring.add_line(reach[line_id])
        problems.update(found if line_id in lines else {})
    for meter in sorted(hung, key=lambda one: (one.id in meters or one.line_id in lines, one.id)):
        touched = meter.id in meters or meter.line_id in lines
        one = Hung(serial=meter.serial, unit=meter.unit, address=meter.address, profile=meter.profile)
        for name, said in wiring.add_meter(reach[meter.line_id], one).items():
            if touched:
                problems.setdefault(name if len(meters) == 1 else f"{meter.serial}.{name}", said)
    if problems:
        raise Invalid(fields=problems)


async def end_alarms(ctx: Context, site_id: int, row_id: int) -> None:
    """End what was told of something that is gone; alarms are keyed "<kind>:<id>"."""
    for alarm in await Alarm.filter(site_id=site_id, standing_key__endswith=f":{row_id}"):
        await end_alarm(ctx, alarm, "已拆除")

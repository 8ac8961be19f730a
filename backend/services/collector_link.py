"""What a collector asks for (采集服务接口): its plan, the relays' desired states, read requests."""

from datetime import timedelta

import msgspec

from backend.context import Context
from backend.domain.supply import Reason
from backend.errors import Forbidden
from backend.metrics import set_collector, set_line
from backend.models.operations import Collector
from backend.models.supply import SupplyOrder
from backend.services.site_plan import plan_of
from backend.services.watch_list import watch_list
from backend.services.work import wake
from backend.store import rows, run, some_utc, sql_time, unit_of_work, utc
from backend.store_rows import whole_rows
from common.wire import (
    Desired,
    DesiredAnswer,
    DesiredQuery,
    Health,
    OrderClass,
    Plan,
    ReadRequest,
    Relay,
)

MAX_WAIT_S = 25.0
RESUME_AFTER = timedelta(seconds=90)  # A silence longer than this is an outage of the collector.
_REREAD_WHILE_DOWN_S = 0.25
# A trip's first write has to happen within this time of its order.
TRIP_LIFETIME = timedelta(seconds=60)
SEEN_EVERY = timedelta(seconds=5)

_DESIRED_SQL = """
SELECT s.meter_id, s.generation, s.desired, s.order_class, s.first_write_until_at, l.code
FROM supply s JOIN meter m ON m.id = s.meter_id JOIN line l ON l.id = m.line_id
WHERE s.site_id = ? AND s.generation > 0 AND m.retired_at IS NULL ORDER BY s.meter_id"""


async def own_collector(ctx: Context) -> Collector:
    """Return the calling collector's row."""
    found = await whole_rows(Collector, "id = ?", [ctx.caller.id])
    if not found:
        raise Forbidden()
    return found[0]


def owns_line(collector: Collector, line_code: str) -> bool:
    codes = msgspec.json.decode(collector.line_codes or "[]", type=list[str])
    return not codes or line_code in codes


async def plan_for(ctx: Context) -> Plan:
    """Return all that the calling collector needs to know about its lines (采集计划)."""
    collector = await own_collector(ctx)
    return await plan_of(ctx, collector.site_id, lambda code: owns_line(collector, code))


async def poll_desired(ctx: Context, query: DesiredQuery) -> DesiredAnswer:
    """Answer as soon as a meter's generation differs from what the collector holds (目标状态长轮询).

    Needs neither worker nor Redis: SQL is read again every 250 ms while Redis is down.
    """
    collector = await own_collector(ctx)
    await _note_contact(ctx, collector, query.clock_offset_s)
    deadline = ctx.clock.monotonic() + max(0.0, min(query.wait_s, MAX_WAIT_S))
    topic = f"desired:{collector.site_id}"
    first_version: str | None = None
    while True:
        ticket = ctx.wakes.ticket(topic)
        answer = await _look(ctx, collector, query)
        first_version = first_version or answer.plan_version
        left_s = deadline - ctx.clock.monotonic()
        news = answer.desired or answer.read_requests or answer.plan_version != first_version
        news = news or answer.watch != query.watching
        if news or left_s <= 0:
            await _note_fetched(ctx, answer.desired)
            await _note_watching(collector, answer.watch)
            return answer
        due_s = await _next_request_s(ctx, collector)
        await ctx.wakes.wait(topic, ticket, min(left_s, due_s, ctx.wakes.reread_s(_REREAD_WHILE_DOWN_S)))


def watched(collector: Collector) -> list[str]:
    """Return the watch list that the collector was given last."""
    return msgspec.json.decode(collector.watching or "[]", type=list[str])


async def wake_if_list_changed(ctx: Context, collector: Collector) -> None:
    """Wake the collector's long poll when its watch list is another than the one that it was given."""
    before = watched(collector)
    if await watch_list(collector.site_id, lambda code: owns_line(collector, code), before) != before:
        wake(ctx, f"desired:{collector.site_id}")


async def note_health(ctx: Context, health: Health) -> Collector:
    """Remember how the collector and its lines are; its clock offset decides about arrears trips."""
    collector = await own_collector(ctx)
    _measure(ctx, collector, health)

    async def remember() -> None:
        collector.health = msgspec.json.encode(health).decode()
        await collector.save(update_fields=["health"])

    await unit_of_work(remember, "note_health")
    await _note_contact(ctx, collector, health.clock_offset_s)
    return collector


def _measure(ctx: Context, collector: Collector, health: Health) -> None:
    set_collector(
        collector.name,
        seen_at_s=ctx.clock.now().timestamp(),
        backlog=health.spool_backlog,
        clock_offset_s=health.clock_offset_s,
    )
    for line in health.lines:
        set_line(
            collector.name,
            line.line_id,
            connected=line.connected,
            use=line.use,
            cycle_s=line.cycle_s,
            silent_meters=len(line.silent_meters),
        )


async def _note_contact(ctx: Context, collector: Collector, offset_s: float | None) -> None:
    now = ctx.clock.now()
    offset_ms = None if offset_s is None else round(offset_s * 1000)
    is_fresh = collector.seen_at is not None and now - collector.seen_at < SEEN_EVERY
    if is_fresh and (offset_ms is None) == (collector.clock_offset_ms is None):
        return

    async def remember() -> None:
        was_away = collector.seen_at is None or now - collector.seen_at > RESUME_AFTER
        if was_away:
            collector.first_seen_at = now
        collector.seen_at = now
        collector.clock_offset_ms = offset_ms
        await run(
            "UPDATE collector SET seen_at = ?, first_seen_at = ?, clock_offset_ms = ? WHERE id = ?",
            [sql_time(now), sql_time(collector.first_seen_at), offset_ms, collector.id],
        )

    await unit_of_work(remember, "note_contact")


async def _look(ctx: Context, collector: Collector, query: DesiredQuery) -> DesiredAnswer:
    now = ctx.clock.now()
    (site,) = await rows("SELECT plan_version FROM site WHERE id = ?", [collector.site_id])
    desired: list[Desired] = []
    for row in await rows(_DESIRED_SQL, [collector.site_id]):
        held = query.held.get(str(row["meter_id"]), 0)
        if held == row["generation"] or not owns_line(collector, row["code"]):
            continue
        within_s = None
        until = utc(row["first_write_until_at"])
        if row["desired"] == Relay.OFF and until is not None:
            within_s = max(0.0, (until - now).total_seconds())
        desired.append(
            Desired(
                meter_id=str(row["meter_id"]),
                generation=row["generation"],
                relay=Relay(row["desired"]),
                order_class=OrderClass(row["order_class"]),
                first_write_within_s=within_s,
            )
        )
    # An order goes out at once, with the list as it is held: somebody stands in the dark.
    watch = query.watching
    if not desired:
        watch = await watch_list(collector.site_id, lambda code: owns_line(collector, code), watch)
    return DesiredAnswer(
        server_time=now,
        plan_version=site["plan_version"],
        desired=await _release_holds(desired),
        read_requests=await _open_requests(ctx, collector, query.known_requests),
        watch=watch,
    )


async def _release_holds(found: list[Desired]) -> list[Desired]:
    """Say of trips that are for no debt alone that the meter's own keep-supply (3A) is lifted first."""
    off = {one.meter_id: one for one in found if one.relay is Relay.OFF}
    if not off:
        return found
    marks = ",".join("?" * len(off))
    orders = await rows(
        f"SELECT meter_id, generation, reasons FROM supply_order WHERE ended_at IS NULL"
        f" AND meter_id IN ({marks})",
        [int(meter_id) for meter_id in off],
    )
    lifted = {
        (str(row["meter_id"]), row["generation"])
        for row in orders
        if set(msgspec.json.decode(row["reasons"], type=list[str])) - {Reason.ARREARS.value}
    }
    return [
        msgspec.structs.replace(one, release_hold=(one.meter_id, one.generation) in lifted) for one in found
    ]


async def _note_watching(collector: Collector, watch: list[str]) -> None:
    """Remember the list that was given, so that other processes know when it changes."""
    if watch == watched(collector):
        return

    async def remember() -> None:
        collector.watching = msgspec.json.encode(watch).decode()
        await collector.save(update_fields=["watching"])

    await unit_of_work(remember, "note_watching")


async def _note_fetched(ctx: Context, desired: list[Desired]) -> None:
    """Remember when an order was first handed to its collector: a step of the track (采集服务)."""
    if not desired:
        return
    now = ctx.clock.now()

    async def remember() -> None:
        for one in desired:
            order = SupplyOrder.filter(meter_id=int(one.meter_id), generation=one.generation)
            await order.filter(fetched_at=None, ended_at=None).update(fetched_at=now)

    await unit_of_work(remember, "note_fetched")


async def _open_requests(ctx: Context, collector: Collector, known: list[str]) -> list[ReadRequest]:
    now = ctx.clock.now()
    found = await rows(
        "SELECT r.id, r.meter_id, r.expires_at, l.code FROM read_request r JOIN meter m ON m.id = r.meter_id"
        " JOIN line l ON l.id = m.line_id WHERE r.site_id = ? AND r.standing_key IS NOT NULL"
        " AND r.due_at <= ? AND r.expires_at > ?",
        [collector.site_id, sql_time(now), sql_time(now)],
    )
    held = set(known)
    return [
        ReadRequest(
            request_id=str(row["id"]),
            meter_id=str(row["meter_id"]),
            within_s=max(0.0, (some_utc(row["expires_at"]) - now).total_seconds()),
        )
        for row in found
        if str(row["id"]) not in held and owns_line(collector, row["code"])
    ]


async def _next_request_s(ctx: Context, collector: Collector) -> float:
    """Return how long until a read request comes due; confirming reads are asked for ahead of time."""
    now = ctx.clock.now()
    (row,) = await rows(
        "SELECT MIN(due_at) AS due_at FROM read_request WHERE site_id = ? AND standing_key IS NOT NULL"
        " AND due_at > ?",
        [collector.site_id, sql_time(now)],
    )
    due_at = utc(row["due_at"])
    return MAX_WAIT_S if due_at is None else max(0.01, (due_at - now).total_seconds())

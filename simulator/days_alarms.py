"""Was every planted fault told, once, in time, and did nobody pay for it (故障核对)?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backend.models.meters import Meter
from backend.models.operations import Alarm
from backend.models.site import Gateway, Line
from backend.models.supply import SupplyOrder
from backend.store import rows, some_utc
from common.wire import Relay
from simulator.days_planted import FaultKind, Planted
from simulator.mall import Mall, RelayMove
from simulator.periods import PERIODS
from simulator.site_file import COMPONENTS, FLOAT_PERCENT
from simulator.time_line import to_us
from simulator.whole import WholeMall

CYCLES = 3
REPORT_TAKES = timedelta(seconds=60)  # A collector's report of health, and the product's look at it.
DAILY_TAKES = timedelta(seconds=7_500)  # A clock is asked once a day, by then after midnight.
SUPPLY_WITHIN_S = 10.0
OWN_ALARM = {
    FaultKind.GATEWAY: "gateway_down",
    FaultKind.LINE: "line_silent",
    FaultKind.DEAD: "meter_silent",
    FaultKind.WELDED: "order_contradicted",
    FaultKind.CLOCK: "meter_clock",
}
ROOTS = ("collector_away", "gateway_down", "line_down", "line_silent", "meter_silent")


@dataclass(frozen=True)
class Judgement:
    """alarmed: faults told of by their own alarm, in time and under no other root. late: told, not in time.

    doubled: alarms beside a fault's own one; unexplained: alarms of these kinds that no fault is behind.
    """

    alarmed: int
    missed: list[str]
    late: list[str]
    doubled: list[str]
    unexplained: list[str]
    slowest_s: dict[str, float]


async def judge_alarms(whole: WholeMall, faults: Sequence[Planted], cycle_s: float) -> Judgement:
    """Compare the alarms of a run with its faults."""
    usual = CYCLES * timedelta(seconds=cycle_s) + REPORT_TAKES
    clock = usual + DAILY_TAKES
    alarms = await Alarm.filter(site_id=whole.site_id).order_by("id")
    causes = {fault: await _cause(whole.site_id, fault) for fault in faults}
    left = {alarm.id: alarm for alarm in alarms if alarm.kind in {*OWN_ALARM.values(), *ROOTS}}
    alarmed, missed, late, doubled, slowest = 0, [], [], [], dict[str, float]()
    for fault in faults:
        limit = clock if fault.kind is FaultKind.CLOCK else usual
        mine = [one for one in left.values() if one.cause == causes[fault] and _during(fault, one, limit)]
        what = f"{fault.kind} {fault.subject} {fault.begin_at:%m-%d %H:%M:%S}"
        own = [one for one in mine if one.root_id is None]
        if not own:
            missed.append(what)
            continue
        took_s = (own[0].raised_at - fault.begin_at).total_seconds()
        slowest[fault.kind.value] = max(slowest.get(fault.kind.value, 0.0), took_s)
        if took_s <= limit.total_seconds():
            alarmed += 1
        else:
            late.append(f"{what} +{took_s:.0f}s")
        doubled += [f"{what}: {one.cause}" for one in own[1:]]
        doubled += [f"{what}: {one.cause} ×{one.reopened + 1}" for one in own if one.reopened]
        for one in mine:
            left.pop(one.id, None)
    within = [fault for fault in faults if fault.silences]
    unexplained = []
    objects = await _objects(whole.mall, within)
    for alarm in left.values():
        if alarm.root_id is not None:
            continue
        behind = [fault for fault in within if alarm.cause in objects[fault] and _during(fault, alarm, usual)]
        if behind:
            doubled.append(f"{behind[0].kind} {behind[0].subject}: {alarm.cause}")
        else:
            unexplained.append(f"{alarm.cause} {alarm.raised_at:%m-%d %H:%M:%S}: {alarm.text}")
    return Judgement(alarmed, missed, late, doubled, unexplained, slowest)


def _during(fault: Planted, alarm: Alarm, limit: timedelta) -> bool:
    return fault.begin_at <= alarm.raised_at <= fault.end_at + limit


async def _cause(site_id: int, fault: Planted) -> str:
    kind = OWN_ALARM[fault.kind]
    if fault.kind is FaultKind.GATEWAY:
        return f"{kind}:{(await Gateway.get(site_id=site_id, code=fault.subject)).id}"
    if fault.kind is FaultKind.LINE:
        return f"{kind}:{(await Line.get(site_id=site_id, code=fault.subject)).id}"
    return f"{kind}:{(await Meter.get(site_id=site_id, serial=fault.subject)).id}"


async def _objects(mall: Mall, faults: Sequence[Planted]) -> dict[Planted, set[str]]:
    """Return the causes of all alarms that a fault explains."""
    meters = {row["serial"]: row for row in await rows("SELECT id, serial, line_id FROM meter")}
    gateway_of = {row["id"]: row["gateway_id"] for row in await rows("SELECT id, gateway_id FROM line")}
    found: dict[Planted, set[str]] = {}
    for fault in faults:
        touched = [meters[serial] for serial in fault.serials]
        causes = {f"meter_silent:{row['id']}" for row in touched}
        for row in touched:
            causes |= {f"{kind}:{row['line_id']}" for kind in ("line_down", "line_silent")}
            causes.add(f"gateway_down:{gateway_of[row['line_id']]}")
        found[fault] = causes
    return found


async def longest_dark_s(whole: WholeMall, faults: Sequence[Planted]) -> float:
    """Return the longest that a paid shop was off beyond its restore's order and the fault it met, in s."""
    serials = {int(row["id"]): row["serial"] for row in await rows("SELECT id, serial FROM meter")}
    moves = list(whole.mall.relay_moves)
    worst_s = 0.0
    for order in await SupplyOrder.filter(site_id=whole.site_id, relay=Relay.ON).order_by("id"):
        serial = serials[order.meter_id]
        newer = (
            await SupplyOrder.filter(meter_id=order.meter_id, generation__gt=order.generation)
            .order_by("generation")
            .first()
        )
        closed_at = _closed_at(whole, serial, order.ordered_at, moves)
        until_at = min(closed_at, newer.ordered_at if newer else closed_at)
        met = [
            fault.end_at
            for fault in faults
            if fault.silences and fault.touches(serial, order.ordered_at, until_at)
        ]
        allowed_from = max([order.ordered_at, *met])
        worst_s = max(worst_s, (until_at - allowed_from).total_seconds())
    return worst_s


def _closed_at(whole: WholeMall, serial: str, ordered_at: datetime, moves: Sequence[RelayMove]) -> datetime:
    """Return when the contact was closed after an order; the order's own instant if it was."""
    mine = [move for move in moves if move.serial == serial]
    before = [move for move in mine if move.at <= ordered_at]
    if not before or before[-1].closed:
        return ordered_at
    later = next((move.at for move in mine if move.at > ordered_at and move.closed), None)
    return later or whole.clock.now()


async def unfair_trips(whole: WholeMall) -> list[str]:
    """Return arrears trips of shops that had money by what their meters really counted.

    Worked out here from the displays, the price sheet and the payments; 1 % and 10 yuan are left for
    what has been used since the newest reading and for the split of an interval over a change of period.
    """
    found = []
    for row in await rows(
        "SELECT o.account_id, o.ordered_at, m.serial, m.ct_ratio, m.pt_ratio, m.id AS meter_id"
        " FROM supply_order o JOIN meter m ON m.id = o.meter_id"
        " WHERE o.relay = 'OFF' AND o.reasons LIKE ? ORDER BY o.id",
        ['%"arrears"%'],
    ):
        at = some_utc(row["ordered_at"])
        paid_fen = await _paid_fen(int(row["account_id"]), row["ordered_at"])
        cost_fen = await _cost_fen(whole, row, at)
        if paid_fen - cost_fen > 1_000 + cost_fen // 100:
            found.append(f"表 {row['serial']} {at:%m-%d %H:%M} 断电时尚余 {paid_fen - cost_fen} 分")
    return found


async def _paid_fen(account_id: int, until: Any) -> int:
    (row,) = await rows(
        "SELECT COALESCE(SUM(p.amount_fen), 0) AS fen FROM posting p JOIN entry e ON e.id = p.entry_id"
        " WHERE p.ledger_account = ? AND e.kind = 'TOP_UP' AND e.booked_at <= ?",
        [f"balance:{account_id}", until],
    )
    return int(row["fen"])


async def _cost_fen(whole: WholeMall, row: dict[str, Any], at: datetime) -> int:
    (first,) = await rows(
        "SELECT MIN(read_at_ms) AS ms FROM reading WHERE meter_id = ? AND verdict = 'first'",
        [row["meter_id"]],
    )
    meter = whole.mall.meters[row["serial"]]
    begin_us = to_us(datetime.fromtimestamp(int(first["ms"]) / 1000, tz=at.tzinfo))
    ratio, cost = int(row["ct_ratio"]) * int(row["pt_ratio"]), 0
    for from_us, end_us, period in whole.mall.period_table.pieces(begin_us, to_us(at), 0):
        used_wh = (meter.register_wh(end_us)[0] - meter.register_wh(from_us)[0]) * ratio
        cost += used_wh * price_microyuan(PERIODS[period])
    return cost // 10_000_000  # Wh × microyuan/kWh are nanoyuan.


def price_microyuan(period: str) -> int:
    """Return the price of a kWh in a period, as the site file's sheet says."""
    return sum(
        round(float(price) * 1_000_000) * (FLOAT_PERCENT[period] if floats else 100) // 100
        for _, _, price, floats in COMPONENTS
    )

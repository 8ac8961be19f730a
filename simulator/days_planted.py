"""Faults planted from a seed while the mall runs (埋设故障): which, where, from when to when.

Each day gets one set: three gateways away for a minute, some while and six hours; a line cut; ten dead
meters; a welded relay under a staff trip; a meter clock twenty minutes wrong. No two of them meet on one
gateway at a time, so that each has exactly one root cause.
"""

import asyncio
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from backend.context import Caller, CallerKind, Context
from backend.models.meters import Meter
from backend.services.control_supply import restore, trip
from simulator.mall import Mall
from simulator.meter import PREPAID

DEAD_METERS = 10
DEAD_A_LINE = 2  # More on one line would be the line's fault.
LEAST_ON_A_CUT_LINE = 3
CLOCK_WRONG_S = 1_200
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=6)
QUIET = timedelta(hours=1)  # At the begin of the run, and between the last end and the run's.
STAFF_ID = 1


class FaultKind(StrEnum):
    GATEWAY = "gateway"
    LINE = "line"
    DEAD = "dead"
    WELDED = "welded"
    CLOCK = "clock"


@dataclass(frozen=True)
class Planted:
    """One fault. subject: code of a gateway or line, serial of a meter. serials: the meters it touches."""

    kind: FaultKind
    subject: str
    begin_at: datetime
    end_at: datetime
    serials: frozenset[str]

    @property
    def silences(self) -> bool:
        """Whether its meters cannot be reached meanwhile."""
        return self.kind in (FaultKind.GATEWAY, FaultKind.LINE, FaultKind.DEAD)

    def touches(self, serial: str, from_at: datetime, to_at: datetime) -> bool:
        return serial in self.serials and self.begin_at <= to_at and self.end_at >= from_at


def plan_faults(mall: Mall, begin_at: datetime, days: int, seed: int) -> list[Planted]:
    """Draw the faults of a run; the same seed gives the same ones."""
    planned: list[Planted] = []
    for day in range(days):
        drawn = random.Random(f"{seed}:faults:{day}")
        from_at = begin_at + timedelta(days=day)
        planned += _Day(mall, drawn, from_at, is_last=day == days - 1).faults()
    return planned


class _Day:
    """The faults of one day."""

    def __init__(self, mall: Mall, drawn: random.Random, from_at: datetime, is_last: bool) -> None:
        self.mall = mall
        self.drawn = drawn
        self.from_at = from_at
        self.is_last = is_last

    def faults(self) -> list[Planted]:
        gateways = list(self.mall.gateways)
        away = self.drawn.sample(gateways, min(3, max(0, len(gateways) - 1)))
        found = list(self._gateways(away))
        others = [code for code in gateways if code not in away]
        lines = [code for gateway in others for code in self.mall.gateways[gateway].lines]
        # On a line with hardly a meter its silence and theirs are the same: none is cut there.
        worth = [code for code in lines if len(self.mall.line(code).meters) >= LEAST_ON_A_CUT_LINE]
        cut = self.drawn.choice(worth) if worth else ""
        if cut:
            found.append(self._timed(FaultKind.LINE, cut, self._length(40, 120), self._meters_of([cut])))
        free = [code for code in lines if code != cut]
        taken: set[str] = set()
        for serial in self._dead(free):
            taken.add(serial)
            found.append(self._timed(FaultKind.DEAD, serial, self._length(60, 240), [serial]))
        shops = [s for s in self._meters_of(free) if s not in taken and self._is_shop(s)]
        welded = self.drawn.choice(shops)
        # In opening hours: what flows through a welded contact then proves it.
        noon = self.from_at + timedelta(hours=11, minutes=self.drawn.randrange(120))
        found.append(Planted(FaultKind.WELDED, welded, noon, noon + timedelta(hours=1), frozenset([welded])))
        clocked = [s for s in shops if s != welded and self.mall.meters[s].spec.status_block_at is not None]
        if clocked:
            wrong = self.drawn.choice(clocked)
            # A meter's clock is asked after its start and once a day after midnight.
            until_at = self.from_at + self._length(180, 300)
            found.append(Planted(FaultKind.CLOCK, wrong, self.from_at, until_at, frozenset([wrong])))
        return sorted(found, key=lambda fault: (fault.begin_at, fault.subject))

    def _gateways(self, codes: list[str]) -> Iterator[Planted]:
        lengths = (SHORTEST, self._length(10, 40), LONGEST)
        for code, length in zip(codes, lengths, strict=False):
            serials = self._meters_of(self.mall.gateways[code].lines)
            if length == LONGEST and not self.is_last:
                # Over local midnight: what the meters froze then is to be fetched afterwards.
                begin_at = self.from_at + timedelta(hours=20, minutes=self.drawn.randrange(180))
                yield Planted(FaultKind.GATEWAY, code, begin_at, begin_at + length, frozenset(serials))
            else:
                yield self._timed(FaultKind.GATEWAY, code, length, serials)

    def _timed(self, kind: FaultKind, subject: str, length: timedelta, serials: list[str]) -> Planted:
        latest = timedelta(days=1) - 2 * QUIET - length
        begin_at = self.from_at + QUIET + timedelta(seconds=self.drawn.randrange(int(latest.total_seconds())))
        return Planted(kind, subject, begin_at, begin_at + length, frozenset(serials))

    def _length(self, least_min: int, most_min: int) -> timedelta:
        return timedelta(minutes=self.drawn.randint(least_min, most_min))

    def _meters_of(self, lines: Iterable[str]) -> list[str]:
        return [meter.spec.serial for code in lines for meter in self.mall.line(code).meters.values()]

    def _dead(self, lines: list[str]) -> list[str]:
        found = []
        for code in lines:
            serials = self._meters_of([code])
            found += self.drawn.sample(serials, min(DEAD_A_LINE, len(serials) // 2))
        return found[:DEAD_METERS]

    def _is_shop(self, serial: str) -> bool:
        return self.mall.meters[serial].spec.kind == PREPAID


def plant_at_once(mall: Mall, faults: list[Planted]) -> None:
    """Let the clocks be wrong that are wrong from the beginning, before anybody reads them."""
    for fault in faults:
        if fault.kind is FaultKind.CLOCK and fault.begin_at <= mall.clock.now():
            mall.switch_meter(fault.subject, "clock_offset_s", CLOCK_WRONG_S)


async def plant(ctx: Context, site_id: int, mall: Mall, faults: list[Planted]) -> None:
    """Let every fault come and go at its time."""
    staff = replace(
        ctx,
        caller=Caller(
            CallerKind.STAFF,
            STAFF_ID,
            site_id,
            name="值班员",
            permissions=frozenset({"staff.trip", "staff.restore"}),
        ),
    )
    async with asyncio.TaskGroup() as tasks:
        for fault in faults:
            tasks.create_task(_live(staff, site_id, mall, fault))


async def _live(staff: Context, site_id: int, mall: Mall, fault: Planted) -> None:
    await _until(staff, fault.begin_at)
    await _set(staff, site_id, mall, fault, True)
    await _until(staff, fault.end_at)
    await _set(staff, site_id, mall, fault, False)


async def _until(ctx: Context, at: datetime) -> None:
    await ctx.clock.sleep(max(0.0, (at - ctx.clock.now()).total_seconds()))


async def _set(staff: Context, site_id: int, mall: Mall, fault: Planted, on: bool) -> None:
    match fault.kind:
        case FaultKind.GATEWAY:
            await mall.switch_gateway(fault.subject, "gone", on)
        case FaultKind.LINE:
            mall.switch_line(fault.subject, "cut", on)
        case FaultKind.DEAD:
            mall.switch_meter(fault.subject, "dead", on)
        case FaultKind.CLOCK:
            mall.switch_meter(fault.subject, "clock_offset_s", CLOCK_WRONG_S if on else 0)
        case FaultKind.WELDED:
            mall.switch_meter(fault.subject, "welded", on)
            meter = await Meter.get(site_id=site_id, serial=fault.subject)
            await (trip if on else restore)(staff, meter.id, "试验：触点熔焊" if on else "试验结束")

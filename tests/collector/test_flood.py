"""Orders, requests and watching all at once: routine reads keep their share, and restores do not wait."""

import random
from collections import defaultdict
from datetime import UTC, datetime

from collector.profile import load_profile
from collector.protocols.modbus import Read
from collector.steps import Rank
from collector.turn import Turn
from collector.work import Work
from common.clock import ManualClock
from common.wire import Desired, Outcome, PlanLine, PlanMeter, Reading, ReadRequest
from simulator.meter import DDSY1352
from tests.collector.site import restore, trip

START = datetime(2026, 3, 2, 2, tzinfo=UTC)
TRANSACTION_S = 0.06


class Quiet:
    """A sink that takes everything and allows every trip."""

    def reading(self, reading: Reading) -> None: ...

    def outcome(self, outcome: Outcome, ended: bool) -> None: ...

    def trip_allowed(self, desired: Desired) -> bool:
        return True

    def time_known(self) -> bool:
        return False


class Bus:
    """A line whose meters answer everything with zeros: no relay ever shows what was ordered."""

    def __init__(self, meters: int) -> None:
        self.clock = ManualClock(START)
        self.work = Work(self.clock, random.Random(1), Quiet(), lambda request: TRANSACTION_S)
        names = [f"m{i}" for i in range(1, meters + 1)]
        plan = PlanLine(
            line_id="L1",
            name="一号线",
            protocol="modbus-tcp",
            host="10.0.0.1",
            port=502,
            poll_interval_s=0,
            meters=[
                PlanMeter(meter_id=name, unit=unit, profile=DDSY1352, prepaid=True)
                for unit, name in enumerate(names, 1)
            ],
        )
        self.work.replan(plan, {DDSY1352: load_profile(DDSY1352)})
        self.spent_s: defaultdict[Rank, float] = defaultdict(float)

    def step(self) -> Turn | None:
        """Carry out one transaction, or wait; returns what was carried out."""
        now_s = self.clock.monotonic()
        turn = self.work.choose(now_s)
        if not isinstance(turn, Turn):
            self.clock.advance(max(turn - now_s, 0.001))
            return None
        self.work.sending(turn)
        self.clock.advance(TRANSACTION_S)
        now_s = self.clock.monotonic()
        self.work.spent(turn, TRANSACTION_S, now_s)
        words = [0] * turn.request.count if isinstance(turn.request, Read) else []
        self.work.answered(turn, words, now_s)
        self.spent_s[turn.rank] += TRANSACTION_S
        return turn

    def flood(self, seconds: int) -> None:
        """Every second a trip for each of three meters and a request for each of four; five are watched."""
        self.work.watch(["m4", "m5", "m6", "m7", "m8"])
        for generation in range(1, seconds + 1):
            for meter_id in ("m1", "m2", "m3"):
                self.work.order(trip(meter_id, generation), check_first=False, idle_check=False)
            for meter_id in ("m9", "m10", "m11", "m12"):
                self.work.read(
                    ReadRequest(request_id=f"{meter_id}-{generation}", meter_id=meter_id, within_s=30)
                )
            until_s = self.clock.monotonic() + 1
            while self.clock.monotonic() < until_s:
                self.step()


def test_routine_reads_keep_their_share_of_the_line() -> None:
    bus = Bus(40)

    bus.flood(10)
    bus.spent_s.clear()
    bus.flood(100)

    total_s = sum(bus.spent_s.values())
    assert total_s > 90
    assert bus.spent_s[Rank.POLL] / total_s >= 0.295
    assert bus.spent_s[Rank.TRIP] > 0 < bus.spent_s[Rank.VERIFY]


def test_a_restore_goes_before_all_of_it() -> None:
    bus = Bus(40)
    bus.flood(20)

    bus.work.order(restore("m20", 1), check_first=False, idle_check=False)
    turn = bus.step()

    assert turn is not None
    assert (turn.meter_id, turn.rank) == ("m20", Rank.RESTORE)

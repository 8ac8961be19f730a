"""A meter that another model takes the place of while the line runs."""

import random
from datetime import UTC, datetime

from msgspec import structs

from collector.profile import load_profile
from collector.protocols.modbus import Read, Write
from collector.steps import Rank
from collector.turn import Turn
from collector.work import Work
from common.clock import ManualClock
from common.wire import PlanLine, PlanMeter, ReadRequest
from simulator.meter import ADF400L_1P, DDSY1352
from tests.collector.site import restore
from tests.collector.test_flood import Quiet

PROFILES = {name: load_profile(name) for name in (DDSY1352, ADF400L_1P)}
OLD = PlanMeter(meter_id="m1", unit=1, profile=DDSY1352, prepaid=True)
NEW = structs.replace(OLD, profile=ADF400L_1P)
PLAN = PlanLine(line_id="L1", name="L1", protocol="modbus-tcp", host="h", port=502, meters=[OLD])


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 3, 2, 2, tzinfo=UTC))
        self.work = Work(self.clock, random.Random(1), Quiet(), lambda request: 0.06)
        self.work.replan(PLAN, PROFILES)

    def next(self) -> Turn:
        while not isinstance(turn := self.work.choose(self.clock.monotonic()), Turn):
            self.clock.advance(max(turn - self.clock.monotonic(), 0.001))
        self.work.sending(turn)
        return turn

    def answer(self, turn: Turn, words: list[int]) -> None:
        self.clock.advance(0.06)
        self.work.answered(turn, words, self.clock.monotonic())

    def replace(self) -> None:
        self.work.replan(structs.replace(PLAN, meters=[NEW]), PROFILES)


def test_an_order_is_written_as_the_new_meter_understands_it() -> None:
    bench = Bench()
    bench.work.order(restore("m1", 1), check_first=False, idle_check=False)
    turn = bench.next()
    assert (turn.request, turn.rank) == (Write(0x0057, (1, 0)), Rank.RESTORE)

    bench.replace()
    bench.answer(turn, [])  # The old meter's echo says nothing about the new one.

    assert bench.next().request == Write(0x0801, (1,))


def test_an_answer_of_the_old_meter_is_not_taken_for_the_new_ones() -> None:
    bench = Bench()
    bench.work.read(ReadRequest(request_id="r", meter_id="m1", within_s=30))
    turn = bench.next()
    assert turn.request == Read(0x0000, 14)

    bench.replace()
    bench.answer(turn, [9] * 14)

    assert bench.next().request == Read(0x0302, 6)

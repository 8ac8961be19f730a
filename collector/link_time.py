"""How long transactions take on a line, and how long its meters take to think (线路时间)."""

import math
from collections import deque

from collector.protocols import dlt645, modbus, rtu
from collector.requests import Request
from common.wire import PlanLine

TURNAROUND_S = 0.03  # Of a usual meter; what is planned with before one is known.
FRAME_GAP_CHARACTERS = 3.5  # Of silence after a Modbus RTU frame.
FAST_BAUD, FAST_FRAME_GAP_S = 19_200, 0.001_75
# The standard says 20 ms. A quicker meter is not to be lost for that: what keeps an answer that comes twice
# from the next request is that request's own time on the wire, more than any meter thinks.
MIN_THINKING_645_S = 0.003
# Two clocks and two baud generators are never quite equal: an answer may come this much sooner.
EARLY_SHARE = 0.97

LEARNED_FACTOR, SLOWEST_FACTOR, MIN_WAIT_S, MAX_WAIT_S = 3.0, 1.2, 0.15, 1.5
SAMPLES = 100
P99 = 0.99


class LineTime:
    """Characters of each protocol at a line's speed. All results are seconds."""

    def __init__(self, plan: PlanLine) -> None:
        self._is_645 = plan.protocol.startswith("dlt645")
        self._character_s = (10 if plan.parity == "N" else 11) / plan.baud
        gap_s = FAST_FRAME_GAP_S if plan.baud > FAST_BAUD else FRAME_GAP_CHARACTERS * self._character_s
        self._gap_s = 0.0 if self._is_645 else gap_s

    def request_s(self, request: Request) -> float:
        """Return the time of a request on the wire, with the silence that ends it."""
        return self._request_characters(request) * self._character_s + self._gap_s

    def answer_s(self, request: Request) -> float:
        """Return the longest time of a good answer on the wire, with the silence that ends it."""
        return self._answer_characters(request) * self._character_s + self._gap_s

    def wire_s(self, request: Request) -> float:
        return self.request_s(request) + self.answer_s(request)

    def transaction_s(self, request: Request) -> float:
        """Return how long a transaction with a usual meter keeps the line."""
        return self.wire_s(request) + TURNAROUND_S

    def begins_s(self, request: Request) -> float:
        """Return how soon after a request the first character of its answer can come at all."""
        thinking_s = MIN_THINKING_645_S if self._is_645 else 0.0
        return EARLY_SHARE * (self.request_s(request) + thinking_s + self._character_s)

    def ends_s(self, request: Request, answer_characters: int) -> float:
        """Return how soon after a request so long an answer can be complete at all."""
        return self.begins_s(request) + EARLY_SHARE * (answer_characters - 1) * self._character_s

    def _request_characters(self, request: Request) -> int:
        if isinstance(request, modbus.Read | modbus.Write):
            return len(modbus.encode(request)) + rtu.OVERHEAD_BYTES
        return len(dlt645.encode(dlt645.EVERYBODY, request))

    def _answer_characters(self, request: Request) -> int:
        if isinstance(request, modbus.Read | modbus.Write):
            return modbus.answer_bytes(request) + rtu.OVERHEAD_BYTES
        return dlt645.answer_bytes(request)


class Patience:
    """How long to wait for each meter beyond the time on the wire (学习超时).

    A meter that is not known, or did not answer last time, gets `first_s`: it may be slower than it was,
    or than the others. Only waiting is learned; how soon an answer may come follows from the wire alone.
    """

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self._samples: dict[str, deque[float]] = {}
        self._wait_s: dict[str, float] = {}
        self._missed: set[str] = set()

    def wait_s(self, meter_id: str) -> float:
        if meter_id in self._missed:
            return max(self._first_s, self._wait_s.get(meter_id, 0.0))
        return self._wait_s.get(meter_id, self._first_s)

    def answered(self, meter_id: str, thought_s: float) -> None:
        """Note how long a meter took to think."""
        self._missed.discard(meter_id)
        samples = self._samples.setdefault(meter_id, deque(maxlen=SAMPLES))
        samples.append(max(thought_s, 0.0))
        p99_s = sorted(samples)[math.ceil(P99 * len(samples)) - 1]
        # Never less than it has been seen to take, however seldom: a slow moment is not a silence.
        wait_s = max(LEARNED_FACTOR * p99_s, SLOWEST_FACTOR * max(samples), MIN_WAIT_S)
        self._wait_s[meter_id] = min(wait_s, MAX_WAIT_S)

    def missed(self, meter_id: str) -> None:
        self._missed.add(meter_id)

"""When a meter may be asked again, on a line without transaction numbers (静默规则).

An answer that comes too late looks like the answer to the next request of the same kind and length. So
the meter that was silent rests while others are asked, and then something of another length is asked
first; two requests whose answers cannot be told apart never follow one another, because a gateway may
give the answer before once more. Commands do not wait: an old echo proves nothing, and what a command did
is read back anyway.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from collector.link_wires import Heard, Wire
from collector.protocols.dlt645 import Broadcast
from collector.requests import Request, is_command
from common.wire import PlanMeter

REST_S = 2.0  # Of quiet before a silent meter is asked again.
SAME_S = 3.0  # … and before it is asked the very same: an old answer would still be this meter's own.
ALIKE_S = 10.0  # … and before something else of the same length.
TURN_S = 0.25  # Two requests alike wait for another one between them, looked for this often.


@dataclass
class _Past:
    """What was asked of one meter lately. owed: answers that may still come, by what they would look like."""

    quiet_s: float = 0.0  # When it was silent last, or an answer came that nobody waited for.
    asked_s: float = 0.0  # When its newest request ended.
    number: int = 0  # Of its newest request, counted along the line.
    answered: Request | None = None
    owed: dict[tuple[Hashable, Hashable], tuple[Request, float]] = field(default_factory=dict)


class Rests:
    """The past of each meter of a line. Times are monotonic seconds."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._past: dict[Hashable, _Past] = {}
        self._number = 0

    def may_ask(
        self, meter: PlanMeter, request: Request, now_s: float, *, is_read_back: bool = False
    ) -> float:
        """Return the instant from which this request is safe; not after `now_s` means now.

        is_read_back: the very same may be asked at once. All of them come after the order's own echo and are
        true of then, and the first that shows what is hoped for ends the asking: one that a gateway gives
        twice says "not yet" twice and costs one more, never a wrong proof.
        """
        past = self._past.get(self._wire.address(meter))
        if past is None or is_command(request) or isinstance(request, Broadcast):
            return now_s
        safe_s = now_s
        kind, signature = self._wire.kind(request), self._wire.signature(request)
        for (owed_kind, owed_signature), (owed, missed_s) in past.owed.items():
            if owed_kind != kind or now_s >= missed_s + ALIKE_S:
                continue
            safe_s = max(safe_s, past.quiet_s + REST_S)
            if owed_signature == signature:
                safe_s = max(safe_s, missed_s + (SAME_S if owed == request else ALIKE_S))
        before = past.answered
        if before is None or self._looks(before) != (kind, signature) or (before == request and is_read_back):
            return safe_s
        # The answer before would look right once more, unless somebody else is asked first.
        alone_s = REST_S if before == request else ALIKE_S
        if now_s < past.asked_s + (alone_s if past.number == self._number else TURN_S):
            safe_s = max(safe_s, now_s + TURN_S)
        return safe_s

    def answered(self, meter: PlanMeter, request: Request, now_s: float) -> None:
        past = self._of(meter)
        self._number += 1
        past.asked_s, past.answered, past.number = now_s, request, self._number
        past.owed = {look: owed for look, owed in past.owed.items() if now_s < owed[1] + ALIKE_S}

    def missed(self, meter: PlanMeter, request: Request, now_s: float) -> None:
        past = self._of(meter)
        self._number += 1
        past.quiet_s, past.answered, past.number = now_s, None, self._number
        past.owed[self._looks(request)] = request, now_s

    def stray(self, heard: Heard, now_s: float) -> None:
        """Note an answer that nobody waits for: it is no longer owed, and its meter has not been quiet."""
        past = self._past.get(heard.sender)
        if past is not None:
            past.quiet_s = now_s
            past.owed.pop((heard.kind, heard.signature), None)

    def _looks(self, request: Request) -> tuple[Hashable, Hashable]:
        return self._wire.kind(request), self._wire.signature(request)

    def _of(self, meter: PlanMeter) -> _Past:
        return self._past.setdefault(self._wire.address(meter), _Past())

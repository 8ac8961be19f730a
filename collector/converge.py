"""One meter's way to its desired relay state (目标状态收敛): write, read back, look at the current.

A convergence decides what to send next and what an answer means; the line does the talking. It never
decides a trip: it only brings the meter to what the backend wants, and says how far it has come.
"""

from collections.abc import Sequence

from collector.layout import Layout
from collector.order_state import OrderState
from collector.steps import DENIED_RETRY_S, LOAD_GAP_S, Phase, Report, confirm_delay_s, retry_delay_s
from collector.values import Look, Values
from common.wire import Relay, Stage

FIRST_CONFIRM_S = 0.03  # A contact needs 50 to 300 ms to travel.
RELEASES = 3  # So often a keep-supply that comes back is lifted for one trip.


class Convergence(OrderState):
    """Brings one meter to one generation of its desired state: what happened, and what follows from it."""

    def impossible(self, reason: str) -> list[Report]:
        """End an order that this meter cannot carry out: a person must look at the plan."""
        return self._refuse(f"{self._wanted.value}: {reason}")

    def expire(self, now_s: float) -> list[Report]:
        """End a trip whose first write has not begun in time."""
        if self.expires_s is None or now_s <= self.expires_s:
            return []
        self.phase = Phase.ENDED
        return self._tell(Stage.EXPIRED)

    def sending(self) -> list[Report]:
        """Note that this phase's request is being handed to the line."""
        if not self.writing:
            return []
        self.written = True
        return self._tell(Stage.SENT)

    def answered(self, words: Sequence[int], now_s: float) -> list[Report]:
        """Take the answer to this phase's request."""
        if self.phase is Phase.WRITE:
            self._tries = 0
            self._go(Phase.CONFIRM, now_s + (FIRST_CONFIRM_S if self._layout.contact else 0.0))
            return self._tell(Stage.ACKNOWLEDGED)
        if self.phase is Phase.RELEASE:
            self._tries = 0
            self._go(Phase.RELEASED, now_s + FIRST_CONFIRM_S)
            return []
        if self.phase is Phase.RELEASED:
            return self._released(self._layout.look(words), words, now_s)
        if self.phase is Phase.BEFORE:
            self._flowed = self._layout.flowing(words)
            self._go(Phase.WRITE, now_s)
            return []
        if self.phase is Phase.LOAD:
            return self._look_at_load(self._layout.flowing(words), now_s)
        return self._compare(words, now_s)

    def rejected(self, code: int, now_s: float) -> list[Report]:
        """The meter said no. A trip ends here; a restore is tried again until it is superseded."""
        detail = f"{self.phase.name.lower()}: exception {code:02X}"
        if self.phase is Phase.BEFORE:
            self._go(Phase.WRITE, now_s)
            return []
        if self.phase is Phase.LOAD or (self.off and self.phase is Phase.CONFIRM):
            self._go(Phase.WATCH, now_s)
            return []
        if self.phase in (Phase.CHECK, Phase.RELEASED) and not self._refusal:
            self._go(self._first_phase() if self.phase is Phase.CHECK else Phase.WRITE, now_s)
            return []
        if not self.off:
            # A refusal would end the order for the backend, and a restore is never given up.
            self._retry(Phase.WRITE, now_s)
            if self._layout.denied(code):
                self.due_s = now_s + DENIED_RETRY_S
                self._tries = 0  # That the meter answers other things is no reason to try sooner.
            return self._tell(Stage.UNREACHABLE, detail=detail)
        if self.phase is Phase.WRITE and self._layout.release is not None and not self._layout.denied(code):
            self._refusal = detail
            self._go(Phase.CHECK, now_s)  # It may hold its supply on: see _compare.
            return []
        return self._refuse(self._refusal or detail)

    def silent(self, now_s: float, detail: str = "") -> list[Report]:
        """Nobody answered. What a lost write did is read before it is written again."""
        if self.phase is Phase.BEFORE:
            self._go(Phase.WRITE, now_s)
            return []
        if self.phase is Phase.CHECK and self._idle_check:
            self._go(Phase.WATCH, now_s)  # Right when last seen: the next reading will tell.
            return []
        keeps = self.phase in (Phase.CONFIRM, Phase.LOAD, Phase.RELEASED)
        again = self.phase if keeps else Phase.CHECK
        self._retry(again, now_s)
        return self._tell(Stage.UNREACHABLE, detail=detail) if self._tries > 1 or again is Phase.CHECK else []

    def lost(self, now_s: float) -> list[Report]:
        """The connection went: the state is read when it is back, unless nothing was sent yet."""
        if self.phase not in (Phase.LOAD, Phase.WATCH, Phase.ENDED) and self.written:
            self._go(Phase.CHECK, now_s)
        return []

    def offline(self) -> list[Report]:
        """The gateway cannot be reached: say so once; the order stays as it is."""
        return self._tell(Stage.UNREACHABLE, detail="gateway") if self.active else []

    def awake(self, now_s: float) -> None:
        """The meter has answered something: what waits for it is tried at once."""
        if self.active and self._tries and self.due_s > now_s:
            self._tries = 0
            self.due_s = now_s

    def use(self, layout: Layout, now_s: float) -> None:
        """Go on with another layout: the status block is not where the plan says."""
        self._layout = layout
        self._write = layout.order(self._wanted)
        self._read_back = layout.contact or layout.forced
        if self.phase in (Phase.CHECK, Phase.CONFIRM, Phase.LOAD):
            self._go(Phase.CHECK if self.phase is Phase.CHECK else Phase.CONFIRM, now_s)

    def observed(self, values: Values, now_s: float) -> list[Report]:
        """Compare a full reading with what shall be; asserts it again at most 3 times in 10 minutes."""
        if self.phase is not Phase.WATCH:
            return []
        right = self._layout.agrees(values, self.desired.relay, self._write)
        if right is False:
            if not self._left_alone(values):
                self._reassert(now_s)
            return []
        if self.off:
            if values.flowing and right is not None:
                return self._tell(Stage.CONTRADICTED, values.relay)
            proved = values.relay is Relay.OFF or Stage.CONTRADICTED in self._told
            return (
                self._tell(Stage.VERIFIED, values.relay)
                if right and proved and values.flowing is False
                else []
            )
        seen = values.relay is Relay.ON or (self._layout.contact is None and right and values.flowing)
        return self._tell(Stage.VERIFIED, values.relay) if seen else []

    def _left_alone(self, values: Values) -> bool:
        """Tell whether the meter has its own reason to differ that this order is not to fight.

        A load trip that came after the order had been proved waits for a newer order; a meter on its own
        keep-supply refuses every trip that is not to lift it.
        """
        if self.off:
            return bool(values.held) and not self.desired.release_hold
        return bool(values.load_tripped) and self._settled

    def _compare(self, words: Sequence[int], now_s: float) -> list[Report]:
        """Compare a read-back with what shall be, in CHECK or CONFIRM."""
        reports: list[Report] = []
        if self._layout.contact is not None:
            look = self._layout.look(words)
            if look.relay is self.desired.relay:
                self._tries = 0
                return self._contact_right(look.relay, _evidence(words), now_s)
            if self._wanted is Relay.PERMITTED is look.relay:
                self._tries = 0
                self._go(Phase.WATCH, now_s)
                return self._tell(Stage.COMMANDED, look.relay, _evidence(words))
            if self.off and look.held:
                return self._held(look, words, now_s)
            if self._refusal:
                return self._refuse(self._refusal)
            if self.phase is Phase.CONFIRM and look.commanded is self.desired.relay:
                reports = self._tell(Stage.COMMANDED, look.relay, _evidence(words))
        elif self._write is not None and self._layout.took(self._write, words):
            self._tries = 0
            return self._forced_right(_evidence(words), now_s)
        if self.phase is Phase.CHECK:
            load_trip = self._settled and not self.off and self._layout.tells_load_trip
            write = Phase.WRITE if self.written else self._first_phase()
            self._go(Phase.WATCH if load_trip else write, now_s)  # Then the next reading says why.
            return reports
        self._confirms += 1
        delay_s = confirm_delay_s(self._confirms)
        if delay_s is not None:
            self.due_s = now_s + delay_s
        else:
            # Accepted and yet not done: a relay that sticks. It is ordered again.
            self._rewrites += 1
            self._go(Phase.WRITE, now_s + retry_delay_s(self.desired, self._rewrites - 1))
        return reports

    def _held(self, look: Look, words: Sequence[int], now_s: float) -> list[Report]:
        """The meter's own keep-supply is on: lift it where this trip may, otherwise say why not."""
        may = self.desired.release_hold and self._layout.release is not None
        if may and self._releases < RELEASES:
            self._releases += 1
            self._refusal = ""
            self._go(Phase.RELEASE, now_s)
            return []
        return self._refuse(f"keep-supply on: {_evidence(words)}", look.relay)

    def _released(self, look: Look, words: Sequence[int], now_s: float) -> list[Report]:
        """Trip as soon as the meter shows that nothing holds its supply."""
        if not look.held:
            self._go(Phase.WRITE, now_s)
            return []
        self._confirms += 1
        delay_s = confirm_delay_s(self._confirms)
        if delay_s is None:
            return self._held(look, words, now_s)
        self.due_s = now_s + delay_s
        return []

    def _contact_right(self, relay: Relay, evidence: str, now_s: float) -> list[Report]:
        if self.off and self._layout.load is not None:
            self._go(Phase.LOAD, now_s)
            return []
        self._go(Phase.WATCH, now_s)
        return self._tell(Stage.VERIFIED, relay, evidence)

    def _forced_right(self, evidence: str, now_s: float) -> list[Report]:
        self._go(Phase.LOAD if self.off and self._layout.load is not None else Phase.WATCH, now_s)
        return self._tell(Stage.COMMANDED, detail=evidence)

    def _look_at_load(self, flowing: bool | None, now_s: float) -> list[Report]:
        """Judge a look at the current after a trip."""
        self._tries = 0
        found = self._looks.take(flowing, self._layout.contact is not None, self._flowed)
        if found is None:
            self.due_s = now_s + LOAD_GAP_S
            return []
        self._go(Phase.WATCH, now_s)
        return [told for report in found for told in self._tell(report.stage, report.relay, report.detail)]

    def _reassert(self, now_s: float) -> None:
        if not self._reasserts.take(now_s):
            return
        self._rewrites = 0
        self._told -= {Stage.VERIFIED, Stage.CONTRADICTED}
        self._go(Phase.WRITE, now_s)


def _evidence(answer: Sequence[int]) -> str:
    """Return an answer in hex: registers, or the two bytes of a status word, high byte first."""
    if isinstance(answer, bytes):
        return answer[::-1].hex().upper()
    return " ".join(f"{word:04X}" for word in answer)

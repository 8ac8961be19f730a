"""Where one relay order stands (指令状态): what it sends next, with which rank, what has been told."""

from collector.layout import Layout
from collector.requests import Request
from collector.steps import LoadLooks, Phase, Rank, Reasserts, Report, retry_delay_s
from common.wire import Desired, OrderClass, Relay, Stage

LOUD_TRIES = 3  # So many tries keep an order's own rank.


class OrderState:
    """One meter's way to one generation of its desired state. Times are monotonic seconds.

    check_first: after a restart what is right already is not written again.
    idle_check:  that first look may wait behind orders (this generation was verified before).
    flowing:     whether load was seen lately; None when not known.
    """

    def __init__(
        self,
        layout: Layout,
        desired: Desired,
        *,
        now_s: float,
        permit: bool = False,
        check_first: bool = False,
        idle_check: bool = False,
        flowing: bool | None = None,
    ) -> None:
        self.desired = desired
        self._layout = layout
        self._wanted = Relay.PERMITTED if permit and desired.relay is Relay.ON else desired.relay
        self._write = layout.order(self._wanted)
        self._read_back = layout.contact or layout.forced
        self._idle_check = idle_check
        self._flowed = flowing
        self._first_write_by_s: float | None = None
        if desired.relay is Relay.OFF and desired.first_write_within_s is not None:
            self._first_write_by_s = now_s + desired.first_write_within_s
        self.due_s = now_s
        self.written = False  # The first write has been handed to the line.
        self._told: set[Stage] = set()
        self._tries = self._confirms = self._rewrites = self._releases = 0
        self._refusal = ""  # What the meter said to the trip, while it is looked into why.
        self._settled = idle_check  # This generation has been proved before.
        self._reasserts = Reasserts()
        self._looks = LoadLooks()
        self.phase = Phase.CHECK if check_first else self._first_phase()

    @property
    def layout(self) -> Layout:
        return self._layout

    @property
    def off(self) -> bool:
        return self.desired.relay is Relay.OFF

    @property
    def active(self) -> bool:
        return self.phase not in (Phase.WATCH, Phase.ENDED)

    @property
    def ended(self) -> bool:
        """True when nothing is open any more: verified, or given up for a reason."""
        return self.phase is Phase.ENDED or Stage.VERIFIED in self._told

    @property
    def rank(self) -> Rank:
        if self.phase in (Phase.CONFIRM, Phase.LOAD, Phase.RELEASED):
            return Rank.VERIFY
        if self.phase is Phase.CHECK and self._idle_check:
            return Rank.REQUEST
        if self._tries > LOUD_TRIES:
            return Rank.REQUEST  # Many dead meters with open orders must not fill the line.
        if self.desired.order_class is OrderClass.SAFETY:
            return Rank.SAFETY
        return Rank.TRIP if self.off else Rank.RESTORE

    def request(self) -> Request | None:
        """Return what to send in this phase; None ends the convergence (see `impossible`)."""
        if self.phase is Phase.WRITE:
            return self._write
        if self.phase is Phase.RELEASE:
            return self._layout.release
        if self.phase in (Phase.BEFORE, Phase.LOAD):
            return self._layout.load
        return self._read_back

    @property
    def writing(self) -> bool:
        return self.phase in (Phase.WRITE, Phase.RELEASE)

    @property
    def possible(self) -> bool:
        """True when the model has a frame for what is wanted and registers to prove it."""
        return self._write is not None and self._read_back is not None

    @property
    def expires_s(self) -> float | None:
        return self._first_write_by_s if self.active and not self.written else None

    def _first_phase(self) -> Phase:
        blind = self._layout.contact is None and self._layout.load is not None
        if self.off and blind and self._flowed is None and self.desired.order_class is not OrderClass.SAFETY:
            return Phase.BEFORE
        return Phase.WRITE

    def _refuse(self, detail: str, relay: Relay = Relay.UNKNOWN) -> list[Report]:
        self.phase = Phase.ENDED
        return self._tell(Stage.REFUSED, relay, detail)

    def _retry(self, phase: Phase, now_s: float) -> None:
        tries = self._tries
        self._go(phase, now_s + retry_delay_s(self.desired, tries))
        self._tries = tries + 1

    def _go(self, phase: Phase, due_s: float) -> None:
        if phase is not self.phase:
            self._confirms = 0
            self._looks = LoadLooks()
        self.phase = phase
        self.due_s = due_s

    def _tell(self, stage: Stage, relay: Relay = Relay.UNKNOWN, detail: str = "") -> list[Report]:
        """Report each stage once."""
        if stage in self._told:
            return []
        self._told.add(stage)
        self._settled = self._settled or stage is Stage.VERIFIED
        return [Report(stage, relay, detail)]

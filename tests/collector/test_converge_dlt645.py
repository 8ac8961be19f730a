"""Relay orders of a DL/T 645 meter, answer by answer: command state, contact, keep-supply, load trip."""

from dataclasses import replace

import pytest

from collector.converge import Convergence
from collector.layout import Layout, layout_of
from collector.profile import load_profile
from collector.protocols.dlt645 import Command, Control, Read
from collector.steps import DENIED_RETRY_S, Report
from collector.values import Values
from common.wire import Desired, OrderClass, Relay, Stage

CLOSED, OPEN, WAITING = 0x0000, 0x0050, 0x0010
COMMANDED_OFF = 0x0040  # The command has been taken, the contact has not moved.
HELD = 0x1000
STATUS, CURRENT = Read(0x04000503, 2), Read(0x02020100, 3)
TRIP, RESTORE, RELEASE = Control(Command.TRIP), Control(Command.RESTORE), Control(Command.RELEASE)
PERMIT = Control(Command.PERMIT)


class Meter:
    """Answers a convergence: what the status word shows, which orders it obeys, what it refuses."""

    def __init__(self, desired: Desired, *, word: int = CLOSED, permit: bool = False, **flags: bool) -> None:
        self.layout: Layout = layout_of(load_profile("dlt645-2007-1p"))
        self.order = Convergence(self.layout, desired, now_s=0.0, permit=permit, **flags)
        self.word = word
        self.refuses: dict[Control, int] = {}
        self.sent: list[Control] = []
        self.told: list[Report] = []
        self.now_s = 0.0

    @property
    def stages(self) -> list[Stage]:
        return [report.stage for report in self.told]

    def turns(self, count: int = 40) -> None:
        """Serve the order until it is done or so many transactions have passed."""
        for _ in range(count):
            if not self.order.active:
                return
            self.now_s = max(self.now_s + 0.1, self.order.due_s)
            self.turn()

    def turn(self) -> None:
        request = self.order.request()
        self.told += self.order.sending()
        if isinstance(request, Control):
            self.sent.append(request)
            if request in self.refuses:
                self.told += self.order.rejected(self.refuses[request], self.now_s)
                return
            self.obey(request)
            self.told += self.order.answered(b"", self.now_s)
        elif request == STATUS:
            self.told += self.order.answered(self.word.to_bytes(2, "little"), self.now_s)
        else:
            assert request == CURRENT
            self.told += self.order.answered(b"\0\0\0" if self.word & 0x10 else b"\0\x15\0", self.now_s)

    def obey(self, request: Control) -> None:
        if request == RELEASE:
            self.word &= ~HELD
        elif request == TRIP and not self.word & HELD:
            self.word = self.word & HELD | OPEN
        elif request == RESTORE:
            self.word = self.word & HELD | CLOSED
        elif request == PERMIT:
            self.word = self.word & HELD | WAITING

    def values(self, **what: object) -> Values:
        look = self.layout.look(self.word.to_bytes(2, "little"))
        values = Values(
            register_wh=0,
            period_registers_wh=None,
            voltage_mv=None,
            current_ma=None,
            power_w=0,
            own_remaining_fen=None,
            relay=look.relay,
            forced=None,
            forced_words=None,
            clock_at=None,
            held=look.held,
        )
        return replace(values, **what)  # type: ignore[arg-type]


def off(release_hold: bool = False, order_class: OrderClass = OrderClass.TRIP) -> Desired:
    return Desired(
        meter_id="m1",
        generation=1,
        relay=Relay.OFF,
        order_class=order_class,
        first_write_within_s=30.0,
        release_hold=release_hold,
    )


def on() -> Desired:
    return Desired(meter_id="m1", generation=1, relay=Relay.ON, order_class=OrderClass.RESTORE)


def test_a_trip_is_verified_by_contact_and_current() -> None:
    meter = Meter(off())
    meter.turns()

    assert meter.sent == [TRIP]
    assert meter.stages == [Stage.SENT, Stage.ACKNOWLEDGED, Stage.VERIFIED]


def test_a_restore_is_verified_by_the_contact() -> None:
    meter = Meter(on(), word=OPEN)
    meter.turns()

    assert meter.sent == [RESTORE]
    assert meter.stages == [Stage.SENT, Stage.ACKNOWLEDGED, Stage.VERIFIED]


def test_the_command_is_told_as_taken_before_the_contact_moves() -> None:
    meter = Meter(off())
    meter.obey = lambda request: setattr(meter, "word", COMMANDED_OFF)  # type: ignore[method-assign]
    meter.turns(3)
    assert meter.stages == [Stage.SENT, Stage.ACKNOWLEDGED, Stage.COMMANDED]
    assert meter.told[-1].detail == "0040"

    meter.word = OPEN
    meter.turns()
    assert meter.stages[-1] is Stage.VERIFIED
    assert meter.sent == [TRIP]


def test_a_permitted_restore_waits_for_the_button() -> None:
    meter = Meter(on(), word=OPEN, permit=True)
    meter.turns()
    assert meter.sent == [PERMIT]
    assert meter.stages == [Stage.SENT, Stage.ACKNOWLEDGED, Stage.COMMANDED]
    assert meter.order.observed(meter.values(), 60.0) == []
    assert not meter.order.active

    meter.word = CLOSED
    assert [r.stage for r in meter.order.observed(meter.values(), 120.0)] == [Stage.VERIFIED]


@pytest.mark.parametrize("refused", [True, False])
def test_an_arrears_trip_never_lifts_the_meters_own_keep_supply(refused: bool) -> None:
    meter = Meter(off(), word=HELD)
    if refused:
        meter.refuses[TRIP] = 0x01
    meter.turns()

    assert meter.sent == [TRIP]
    assert meter.stages[-1] is Stage.REFUSED
    assert meter.told[-1].detail == "keep-supply on: 1000"


@pytest.mark.parametrize("refused", [True, False])
def test_another_trip_lifts_it_proves_it_and_trips(refused: bool) -> None:
    meter = Meter(off(release_hold=True, order_class=OrderClass.SAFETY), word=HELD)
    if refused:
        meter.refuses[TRIP] = 0x01
        meter.turns(3)
        assert meter.sent == [TRIP, RELEASE]
        del meter.refuses[TRIP]
    meter.turns()

    assert meter.sent == [TRIP, RELEASE, TRIP]
    assert meter.stages[-1] is Stage.VERIFIED


def test_a_keep_supply_that_cannot_be_lifted_ends_the_trip() -> None:
    meter = Meter(off(release_hold=True), word=HELD)
    meter.refuses[RELEASE] = 0x04
    meter.turns()

    assert meter.stages[-1] is Stage.REFUSED
    assert meter.told[-1].detail == "release: exception 04"


def test_a_keep_supply_that_comes_back_is_not_fought_for_ever() -> None:
    meter = Meter(off(release_hold=True), word=HELD)
    meter.obey = lambda request: None  # type: ignore[method-assign]
    meter.turns(200)

    assert meter.sent.count(RELEASE) == 3
    assert meter.stages[-1] is Stage.REFUSED


def test_a_lost_release_is_read_back_before_it_is_sent_again() -> None:
    meter = Meter(off(release_hold=True), word=HELD)
    meter.turns(2)
    assert meter.order.request() == RELEASE
    meter.order.sending()
    meter.word = CLOSED  # It has worked, the answer was lost.
    meter.told += meter.order.silent(meter.now_s)
    assert meter.order.request() == STATUS

    meter.turns()
    assert meter.sent == [TRIP, TRIP]
    assert meter.stages[-1] is Stage.VERIFIED


def test_a_wrong_password_ends_a_trip_with_evidence() -> None:
    meter = Meter(off())
    meter.refuses[TRIP] = 0x04
    meter.turns()

    assert meter.sent == [TRIP]
    assert (meter.told[-1].stage, meter.told[-1].detail) == (Stage.REFUSED, "write: exception 04")


def test_another_refusal_of_a_trip_is_looked_into_and_ends_it() -> None:
    meter = Meter(off())
    meter.refuses[TRIP] = 0x01
    meter.turns()

    assert meter.sent == [TRIP]
    assert (meter.told[-1].stage, meter.told[-1].detail) == (Stage.REFUSED, "write: exception 01")


def test_a_restore_with_a_wrong_password_is_tried_again_but_does_not_lock_the_meter() -> None:
    meter = Meter(on(), word=OPEN)
    meter.refuses[RESTORE] = 0x04
    meter.turns(1)
    assert meter.stages == [Stage.SENT, Stage.UNREACHABLE]
    meter.order.awake(meter.now_s + 1)
    assert meter.order.due_s == meter.now_s + DENIED_RETRY_S

    meter.refuses.clear()
    meter.turns()
    assert meter.stages[-1] is Stage.VERIFIED


def test_a_tripped_meter_that_is_switched_on_and_held_is_left_alone_by_arrears() -> None:
    meter = Meter(off())
    meter.turns()
    meter.word = HELD

    assert meter.order.observed(meter.values(), 60.0) == []
    assert not meter.order.active


def test_a_load_trip_after_a_proved_restore_is_left_alone() -> None:
    meter = Meter(on(), word=OPEN)
    meter.turns()
    meter.word = OPEN

    assert meter.order.observed(meter.values(load_tripped=True), 60.0) == []
    assert not meter.order.active
    meter.order.observed(meter.values(load_tripped=False), 120.0)
    assert meter.order.request() == RESTORE


def test_a_restore_newer_than_the_load_trip_is_written() -> None:
    meter = Meter(on(), word=OPEN)

    assert meter.order.request() == RESTORE
    meter.turns()
    assert meter.stages[-1] is Stage.VERIFIED


def test_after_a_restart_a_load_trip_is_left_to_the_next_reading() -> None:
    acrel = layout_of(load_profile("acrel-ddsy1352"), 0x0100)
    order = Convergence(acrel, on(), now_s=0.0, check_first=True, idle_check=True)

    assert order.answered([0x0008], 1.0) == []
    assert not order.active

"""Faults and conditions of a simulated meter, by name (电表故障)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.time_line import SECOND_US

if TYPE_CHECKING:
    from simulator.meter import Meter

MAX_FRAME_BYTES = 196  # Of data in one DL/T 645 frame, the identifier not counted.


def _dead(meter: "Meter", value: bool, us: int) -> None:
    meter.dead = value


def _welded(meter: "Meter", value: bool, us: int) -> None:
    meter.relay.welded = value
    meter.flow(us)


def _stuck(meter: "Meter", value: bool, us: int) -> None:
    meter.relay.stuck = value
    if value:
        meter.relay.moves_at_us = None
    else:
        meter.order(us)


def _breaker_open(meter: "Meter", value: bool, us: int) -> None:
    meter.breaker_open = value
    meter.flow(us)


def _overload(meter: "Meter", value: int, us: int) -> None:
    if value < 1:
        raise ValueError(f"a load cannot count {value} times")
    meter.history.change(us, times=value)


def _extra(meter: "Meter", value: int, us: int) -> None:
    meter.history.change(us, extra_w=value)


def _falls(meter: "Meter", value: int, us: int) -> None:
    meter.history.change(us, jump_steps=-value)


def _jumps(meter: "Meter", value: int, us: int) -> None:
    meter.history.change(us, jump_steps=value)


def _clock_offset(meter: "Meter", value: int, us: int) -> None:
    meter.history.change(us, offset_us=value * SECOND_US)


def _own_money(meter: "Meter", value: int, us: int) -> None:
    meter.own_money_fen = value
    meter.order(us)


def _held(meter: "Meter", value: bool, us: int) -> None:
    meter.hold(value)


def _press(meter: "Meter", value: bool, us: int) -> None:
    if value:
        meter.press(us)


def _needs_press(meter: "Meter", value: bool, us: int) -> None:
    meter.needs_press = value


def _load_trip(meter: "Meter", value: bool, us: int) -> None:
    if value:
        meter.load_tripped = True
        meter.relay.order(us, False)
    else:
        meter.order(us)


def _own_mode(meter: "Meter", value: bool, us: int) -> None:
    meter.force(us, int(not value), 0)


def _frame_bytes(meter: "Meter", value: int, us: int) -> None:
    if not 1 <= value <= MAX_FRAME_BYTES:
        raise ValueError(f"a frame cannot be switched to {value} bytes")
    meter.frame_bytes = value


# Name → (type of the value, what it does).
SWITCHES: dict[str, tuple[type, Callable[["Meter", Any, int], None]]] = {
    "dead": (bool, _dead),  # Does not answer; goes on counting and keeps its relay.
    "welded": (bool, _welded),  # Reports "open" while current flows.
    "stuck": (bool, _stuck),  # Accepts orders and does not move.
    "breaker_open": (bool, _breaker_open),  # The shop's own breaker: no current, relay closed or not.
    "overload": (int, _overload),  # The shop's own load counts so many times; 1 ends it.
    "extra_w": (int, _extra),  # Added to the shop's own load; 0 ends it.
    "falls_steps": (int, _falls),  # The register falls once by so many steps of 10 Wh.
    "jumps_steps": (int, _jumps),  # The register rises once by so many steps of 10 Wh.
    "clock_offset_s": (int, _clock_offset),  # The meter's clock ahead of true time; may be negative.
    "held": (bool, _held),  # DL/T 645 keep-supply (3A) is on: a trip is refused.
    "press": (bool, _press),  # Somebody presses the button that a permitted restore waits for.
    "needs_press": (bool, _needs_press),  # DL/T 645: refuses the direct close 1C.
    "load_trip": (bool, _load_trip),  # Opens its contact over its own limit; False ends it.
    "own_mode": (bool, _own_mode),  # Back on its own money: forced control is lost.
    "frame_bytes": (int, _frame_bytes),  # DL/T 645: longer blocks come in follow-up frames.
    "own_money_fen": (int, _own_money),  # Decides the relay only out of forced control.
}

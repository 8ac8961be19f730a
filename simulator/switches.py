"""Fault switches of the simulated servers: set for one subject or for all, always or at a rate (故障开关)."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

F = TypeVar("F", bound=StrEnum)
ALWAYS = 1.0


@dataclass
class Switch(Generic[F]):
    """One fault that is on.

    subject: the order number, openid or phone number it concerns; None: all.
    rate:    how often it strikes, 0..1.
    value:   seconds, fen, a count or a code, as the fault says.
    times:   strikes left; None: until cleared.
    """

    fault: F
    subject: str | None = None
    rate: float = ALWAYS
    value: float = 0.0
    times: int | None = None


class Switches(Generic[F]):
    """All faults of one server. Draws come from the seeded `random_`, so a run can be repeated."""

    def __init__(self, kinds: type[F], random_: random.Random) -> None:
        self._kinds = kinds
        self._random = random_
        self._on: list[Switch[F]] = []

    def set(
        self,
        fault: F,
        *,
        subject: str | None = None,
        rate: float = ALWAYS,
        value: float = 0.0,
        times: int | None = None,
    ) -> None:
        """Switch a fault on; the same fault of the same subject is replaced."""
        if not 0 <= rate <= 1:
            raise ValueError("rate must lie between 0 and 1")
        self.clear(fault, subject=subject)
        self._on.append(Switch(fault, subject, rate, value, times))

    def clear(self, fault: F | None = None, *, subject: str | None = None) -> None:
        """Switch one fault of one subject off; without a fault, everything."""
        if fault is None:
            self._on = []
        else:
            self._on = [s for s in self._on if s.fault is not fault or s.subject != subject]

    def strikes(self, fault: F, *subjects: str | None) -> Switch[F] | None:
        """Return the switch when this fault strikes now, and use up one of its times."""
        for switch in self._on:
            if switch.fault is not fault or not (switch.subject is None or switch.subject in subjects):
                continue
            if switch.times == 0 or (switch.rate < ALWAYS and self._random.random() >= switch.rate):
                continue
            if switch.times is not None:
                switch.times -= 1
            return switch
        return None

    def apply(self, orders: dict[str, Any]) -> None:
        """Carry out a control request: {"clear": true | [fault, ...], "set": [{"fault", ...}, ...]}."""
        cleared = orders.get("clear", [])
        if cleared is True:
            self.clear()
        else:
            for name in _list(cleared):
                fault = self._kinds(name)
                self._on = [switch for switch in self._on if switch.fault is not fault]
        for item in _list(orders.get("set", [])):
            times = item.get("times")
            self.set(
                self._kinds(item["fault"]),
                subject=item.get("subject"),
                rate=float(item.get("rate", ALWAYS)),
                value=float(item.get("value", 0)),
                times=None if times is None else int(times),
            )

    def listed(self) -> list[dict[str, Any]]:
        return [
            {"fault": s.fault.value, "subject": s.subject, "rate": s.rate, "value": s.value, "times": s.times}
            for s in self._on
        ]


def _list(value: Any) -> Iterable[Any]:
    if not isinstance(value, list):
        raise ValueError("a list was expected")
    return value

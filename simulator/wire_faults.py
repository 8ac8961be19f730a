"""What a bad wire does to an answer, by chance and by switch (线路故障).

Every answer of a line draws at most one fault from the line's own seed, so that a run can be repeated.
"""

import random
from collections.abc import Mapping
from enum import StrEnum

LATE_S = 1.3  # Longer than a client waits, so that the answer meets a later request.
MAX_LATE_S = 60.0


class WireFault(StrEnum):
    """The faults of one answer.

    LATE:      it comes `late_s` after its request; the wire is free meanwhile.
    DOUBLED:   it comes twice.
    NOISY:     a stray character before it, or one of its characters garbled.
    CRC:       its check sum is wrong.
    CROSSED:   in its place comes what another meter would say, or the answer to the request before.
    CUT_FRAME: only its beginning comes; a Modbus TCP gateway then drops the connection.
    """

    LATE = "late"
    DOUBLED = "doubled"
    NOISY = "noisy"
    CRC = "crc"
    CROSSED = "crossed"
    CUT_FRAME = "cut_frame"


WIRE_SWITCHES = (*(fault.value for fault in WireFault), "late_s")


class WireFaults:
    """The rates of all faults of one line; none strikes until one is set."""

    def __init__(self, seed: str) -> None:
        self.late_s = LATE_S
        self.random = random.Random(f"{seed}:wire")
        self.struck: dict[WireFault, int] = dict.fromkeys(WireFault, 0)
        self._rates: dict[WireFault, float] = {}

    @property
    def rates(self) -> Mapping[WireFault, float]:
        return self._rates

    def set(self, name: str, value: object) -> None:
        """Set the rate of a fault (0..1), or `late_s`. Raises ValueError for anything else."""
        if name not in WIRE_SWITCHES or isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"no such switch of a wire: {name!r} = {value!r}")
        if name == "late_s":
            if not 0 < value <= MAX_LATE_S:
                raise ValueError(f"an answer cannot be late by {value} s")
            self.late_s = float(value)
            return
        rates = {**self._rates, WireFault(name): float(value)}
        if value < 0 or sum(rates.values()) > 1:
            raise ValueError(f"rates must lie between 0 and 1 and not sum to more: {name!r} = {value!r}")
        self._rates = {fault: rate for fault, rate in rates.items() if rate}

    def draw(self) -> WireFault | None:
        """Return what happens to the next answer."""
        if not self._rates:
            return None
        left = self.random.random()
        for fault, rate in self._rates.items():
            left -= rate
            if left < 0:
                self.struck[fault] += 1
                return fault
        return None

    def disturb(self, frame: bytes) -> bytes:
        """Put a stray character before a frame, or garble one inside."""
        if self.random.random() < 0.5:
            return bytes([self.random.randrange(256)]) + frame
        at = self.random.randrange(len(frame))
        return frame[:at] + bytes([frame[at] ^ self.random.randrange(1, 256)]) + frame[at + 1 :]

    def cut(self, frame: bytes) -> bytes:
        """Keep only the beginning of a frame."""
        return frame[: self.random.randrange(1, len(frame))]

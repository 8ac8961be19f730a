"""Ids made by the application: 63 bits, ordered by time, text in JSON (编号)."""

import random
from datetime import UTC, datetime

from common.clock import Clock

_EPOCH_MS = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
_SEQUENCE_BITS = 12
_NODE_BITS = 10


class Ids:
    """Makes unique ids for one process: milliseconds, a node number, a counter.

    node: 0..1023, different for each process that writes; drawn by `random_` when not given.
    Ids of one maker always grow, also when its clock steps back.
    """

    def __init__(self, clock: Clock, random_: random.Random | None = None, node: int | None = None) -> None:
        self._clock = clock
        self._random = random_ or random.SystemRandom()
        self._node = self._random.randrange(1 << _NODE_BITS) if node is None else node
        self._last = 0

    def new(self) -> int:
        ms = int(self._clock.now().timestamp() * 1000) - _EPOCH_MS
        base = ((ms << _NODE_BITS) | self._node) << _SEQUENCE_BITS
        if base <= self._last:
            step = 1
            # A full counter borrows from the next millisecond, so that no id is given twice.
            if (self._last + step) & ((1 << _SEQUENCE_BITS) - 1) == 0:
                step = (1 << (_SEQUENCE_BITS + _NODE_BITS)) - ((1 << _SEQUENCE_BITS) - 1)
            base = self._last + step
        self._last = base
        return base

    def text(self) -> str:
        return str(self.new())

    def token(self, bits: int = 256) -> str:
        """Return an unguessable token in URL-safe characters (seeded only in simulations)."""
        alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
        count = -(-bits // 5)
        return "".join(self._random.choice(alphabet) for _ in range(count))

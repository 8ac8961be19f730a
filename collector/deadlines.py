"""The earliest of many instants (截止时间): one for each name, moved as often as one likes."""

import heapq


class Deadlines:
    """Instants in monotonic seconds. Of equal ones the one that was put longest ago comes first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._versions: dict[str, int] = {}
        self._puts = 0

    def put(self, name: str, at_s: float) -> None:
        """Set or move the instant of a name."""
        self._puts += 1
        self._versions[name] = self._puts
        heapq.heappush(self._heap, (at_s, self._puts, name))

    def drop(self, name: str) -> None:
        """Forget a name; one that is not there does no harm."""
        self._versions.pop(name, None)

    def first(self) -> tuple[float, str] | None:
        """Return the earliest instant and its name."""
        heap = self._heap
        while heap:
            at_s, version, name = heap[0]
            if self._versions.get(name) == version:
                return at_s, name
            heapq.heappop(heap)
        return None

"""The newest state of each meter, to be shown while older readings wait."""

from datetime import UTC, datetime, timedelta

from collector.peeks import KEPT, Peeks
from common.wire import MAX_BATCH, FrozenDay, Reading, ReadingKind

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def reading(meter: int, seconds: int = 0, request_id: str | None = None) -> Reading:
    return Reading(
        meter_id=str(meter),
        read_at=NOW + timedelta(seconds=seconds),
        kind=ReadingKind.POLL,
        register_wh=seconds,
        frozen=(FrozenDay(at=NOW, register_wh=0),),
        request_id=request_id,
    )


def test_a_meter_has_one_peek_and_one_for_each_request() -> None:
    peeks = Peeks()
    for seconds in range(3):
        peeks.add(reading(1, seconds))
    peeks.add(reading(1, 3, "r1"))
    peeks.add(reading(1, 4))

    found = [(peek.request_id, peek.register_wh) for peek in peeks.batch()]

    assert found == [("r1", 3), (None, 4)]
    assert all(peek.kind is ReadingKind.PEEK and not peek.frozen for peek in peeks.batch())


def test_what_came_while_a_batch_was_sent_is_shown_next() -> None:
    peeks = Peeks()
    peeks.add(reading(1))
    peeks.add(reading(2))
    sent = peeks.batch()
    peeks.add(reading(1, 5))

    peeks.shown(sent)

    assert [peek.read_at for peek in peeks.batch()] == [NOW + timedelta(seconds=5)]


def test_memory_and_batches_are_bounded() -> None:
    peeks = Peeks()
    for meter in range(KEPT + 10):
        peeks.add(reading(meter))

    assert len(peeks.batch()) == MAX_BATCH
    assert peeks.batch()[0].meter_id == "10"

"""What waits at a meter for a person's decision (待核示数): the rows, and how much is possible."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from backend.domain.readings import Accepted, MeterFacts, Rates, Verdict
from backend.models.meters import Meter
from backend.services.readings_store import FROZEN, ms_of
from backend.store import rows, run_many
from common.units import Watt

MOST_ROWS = 1_000  # So many are looked at and charged at once; later ones lie in the next interval.
_WAITING = (Verdict.FALLEN.value, Verdict.JUMPED.value, Verdict.UNUSED.value)


class DoubtfulRow(Struct, frozen=True):
    """One stored reading that is not charged."""

    read_at: datetime
    read_at_ms: int
    kind: str
    verdict: Verdict
    end: Accepted

    @property
    def is_midnight(self) -> bool:
        return self.kind == FROZEN


async def waiting_rows(meter_id: int, last: Accepted, limit: int = MOST_ROWS) -> list[DoubtfulRow]:
    """Return what came after the newest accepted reading and was not charged, oldest first."""
    found = await rows(
        "SELECT read_at_ms, kind, register_wh, sharp_wh, peak_wh, flat_wh, valley_wh, verdict FROM reading"
        " WHERE meter_id = ? AND read_at_ms > ? AND verdict IN (?, ?, ?) ORDER BY read_at_ms, kind LIMIT ?",
        [meter_id, ms_of(last.read_at), *_WAITING, limit],
    )
    listed = []
    for row in found:
        read_at = datetime.fromtimestamp(int(row["read_at_ms"]) / 1000, UTC)
        parts = (row["sharp_wh"], row["peak_wh"], row["flat_wh"], row["valley_wh"])
        rates: Rates | None = None if None in parts else parts
        end = Accepted(read_at, int(row["register_wh"]), rates)
        listed.append(DoubtfulRow(read_at, int(row["read_at_ms"]), row["kind"], Verdict(row["verdict"]), end))
    return listed


async def judge_again(meter_id: int, changed: Sequence[tuple[DoubtfulRow, Verdict]]) -> None:
    """Write what a person's decision made of stored readings; the readings themselves stay as they are."""
    await run_many(
        "UPDATE reading SET verdict=? WHERE meter_id=? AND read_at_ms=? AND kind=?",
        [(verdict.value, meter_id, row.read_at_ms, row.kind) for row, verdict in changed],
    )


def facts_of(meter: Meter) -> MeterFacts:
    return MeterFacts(meter.transformers.ratio, Watt(meter.rated_power_w), meter.register_step_wh)

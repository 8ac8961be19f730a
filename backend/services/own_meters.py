"""Which meters a collector may speak for (采集服务的表)."""

from collections.abc import Iterable

from backend.errors import Forbidden
from backend.models.meters import Meter
from backend.models.operations import Collector
from backend.services.collector_link import owns_line
from backend.services.row_ids import id_of
from backend.store import rows
from backend.store_rows import marks, whole_rows


async def own_meters(collector: Collector, meter_ids: Iterable[str]) -> dict[str, Meter]:
    """Return the meters by their id as text; one that does not exist (any more) is left out.

    Raises Forbidden for a meter of another site or of a line that is not this collector's.
    """
    numbers = [number for key in meter_ids if (number := id_of(key)) is not None]
    found = await whole_rows(Meter, f"id IN ({marks(numbers)})", numbers) if numbers else []
    lines = await rows("SELECT id, code FROM line WHERE site_id = ?", [collector.site_id])
    own = {line["id"] for line in lines if owns_line(collector, line["code"])}
    if any(meter.site_id != collector.site_id or meter.line_id not in own for meter in found):
        raise Forbidden()
    return {str(meter.id): meter for meter in found if meter.retired_at is None}

"""Which meters a collector may speak for (采集服务的表)."""

from collections.abc import Iterable

from backend.errors import Forbidden
from backend.models.meters import Meter
from backend.models.operations import Collector
from backend.services.collector_link import owns_line


async def own_meters(collector: Collector, meter_ids: Iterable[str]) -> dict[str, Meter]:
    """Return the meters by their id as text; one that does not exist (any more) is left out.

    Raises Forbidden for a meter of another site or of a line that is not this collector's.
    """
    numbers = [int(key) for key in meter_ids if key.isdigit()]
    found = await Meter.filter(id__in=numbers).select_related("line")
    for meter in found:
        if meter.site_id != collector.site_id or not owns_line(collector, meter.line.code):
            raise Forbidden()
    return {str(meter.id): meter for meter in found if meter.retired_at is None}

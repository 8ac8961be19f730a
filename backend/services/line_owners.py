"""A meter between two collectors (换采集服务): what one of them still holds may not meet the other's line.

Readings of a line that is not a collector's own are refused as a whole batch: a meter changes hands only
when its old collector holds nothing of it any more.
"""

from datetime import datetime

import msgspec

from backend.errors import Refused
from backend.models.operations import Collector
from backend.models.site import Line
from backend.services.collector_link import owns_line
from common.wire import Health


class OtherCollector(Refused):
    code = "other_collector"
    message = "目标总线属于另一采集服务：请先停用该表，待原采集服务上传完数据后再新增"


async def need_same_owner(site_id: int, before_id: int, after: Line) -> None:
    """Refuse to hang a meter in use on a line of another collector. Errors: OtherCollector."""
    if await _left_behind(site_id, before_id, after):
        raise OtherCollector()


async def need_nothing_left(site_id: int, before_id: int, after: Line, since: datetime) -> None:
    """Refuse while an old collector may hold readings of a meter retired `since`. Errors: OtherCollector."""
    for collector in await _left_behind(site_id, before_id, after):
        health = (
            msgspec.json.decode(collector.health, type=Health | None) if collector.health != "{}" else None
        )
        if health is None or health.sent_at <= since or health.spool_backlog:
            raise OtherCollector()


async def _left_behind(site_id: int, before_id: int, after: Line) -> list[Collector]:
    """Return the collectors of the old line that the new one is not of."""
    before = await Line.get(id=before_id)
    return [
        one
        for one in await Collector.filter(site_id=site_id)
        if owns_line(one, before.code) and not owns_line(one, after.code)
    ]

"""How the lines are (布线健康): what their collectors count, beside what their alarms say."""

from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.models.meters import Meter
from backend.models.operations import Collector
from backend.services.board_lines import board_lines
from backend.services.collector_link import owns_line
from backend.services.row_ids import id_of
from common.wire import Health, LineHealth


class LineFigures(Struct, frozen=True, kw_only=True):
    """One line. state, since_at: as on the board. Figures are None before its collector has sent any.

    use: share of time with a transaction on the wire. cycle_s: between two reads of one live meter.
    """

    line_id: str
    gateway_id: str
    state: str
    since_at: datetime | None
    collector: str | None
    seen_at: datetime | None
    use: float | None
    cycle_s: float | None
    silent: list[str]  # Ids of meters that do not answer.
    timeouts: int | None
    strays: int | None
    bad_frames: int | None
    reconnects: int | None
    unusable: dict[str, str]  # Meter id -> what is wrong with its profile.


async def show_wiring_health(ctx: Context) -> list[LineFigures]:
    """Return the lines of the caller's site with what is known of each, by shaft and code."""
    site_id = ctx.caller.site_id or 0
    collectors = await Collector.filter(site_id=site_id).order_by("id")
    heard = {line.line_id: line for one in collectors for line in _lines(one)}
    silent: dict[str, list[str]] = {}
    for meter_id in {key for line in heard.values() for key in line.silent_meters}:
        meter = await Meter.get_or_none(id=id_of(meter_id) or 0, site_id=site_id, retired_at=None)
        if meter is not None:
            silent.setdefault(str(meter.line_id), []).append(str(meter.id))
    found = []
    for line in await board_lines(site_id, ctx.clock.now()):
        owner = next((one for one in collectors if owns_line(one, line.code)), None)
        health = heard.get(line.line_id)
        found.append(
            LineFigures(
                line_id=line.line_id,
                gateway_id=line.gateway_id,
                state=line.state,
                since_at=line.since_at,
                collector=owner.name if owner else None,
                seen_at=owner.seen_at if owner else None,
                use=health.use if health else None,
                cycle_s=health.cycle_s if health else None,
                silent=sorted(silent.get(line.line_id, [])),
                timeouts=health.timeouts if health else None,
                strays=health.strays if health else None,
                bad_frames=health.bad_frames if health else None,
                reconnects=health.reconnects if health else None,
                unusable=health.unusable if health else {},
            )
        )
    return found


def _lines(collector: Collector) -> list[LineHealth]:
    if not collector.health or collector.health == "{}":
        return []
    return msgspec.json.decode(collector.health, type=Health).lines

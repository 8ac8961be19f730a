"""Read all meters of a line now (总线试抄): one request each, and what became of them."""

from msgspec import Struct

from backend.context import Context
from backend.errors import NotFound, Refused
from backend.models.meters import Meter
from backend.models.site import Line
from backend.models.supply import ReadRequest
from backend.services.read_requests import ask_reading
from backend.services.show_meter import ReadView, read_view
from backend.store import unit_of_work

STAFF = "staff"


class NothingToRead(Refused):
    code = "nothing_to_read"
    message = "这条总线上还没有电表"


class LineRead(Struct, frozen=True, kw_only=True):
    """One meter of a line with its newest request; read None: it was never asked by hand."""

    meter_id: str
    serial: str
    unit: int
    read: ReadView | None


async def read_line(ctx: Context, line_id: int) -> list[LineRead]:
    """Ask for a reading of each meter; one that waits is used again. Errors: NotFound, NothingToRead."""
    line = await _line(ctx, line_id)

    async def work() -> None:
        meters = await Meter.filter(line_id=line.id, retired_at=None).order_by("id")
        if not meters:
            raise NothingToRead()
        for meter in meters:
            await ask_reading(ctx, meter.site_id, meter.id, STAFF, asked_by=ctx.caller.id or None)

    await unit_of_work(work, "read_line")
    return await show_line_reads(ctx, line.id)


async def show_line_reads(ctx: Context, line_id: int) -> list[LineRead]:
    """Return each meter of a line with what became of its newest request. Errors: NotFound."""
    line = await _line(ctx, line_id)
    found = []
    for meter in await Meter.filter(line_id=line.id, retired_at=None).order_by("unit"):
        row = await ReadRequest.filter(meter_id=meter.id, purpose=STAFF).order_by("-id").first()
        view = None if row is None else await read_view(ctx, row)
        found.append(LineRead(meter_id=str(meter.id), serial=meter.serial, unit=meter.unit, read=view))
    return found


async def _line(ctx: Context, line_id: int) -> Line:
    line = await Line.get_or_none(id=line_id, site_id=ctx.caller.site_id, removed_at=None)
    if line is None:
        raise NotFound()
    return line

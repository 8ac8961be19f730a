"""Delete report files after seven days (清理导出文件)."""

from msgspec import Struct

from backend.context import Context
from backend.jobs.port import Done, Lane
from backend.services.exports import drop_exports

KIND = "drop_exports"
LANE = Lane.SLOW
DAILY_AT = "03:40"


class Payload(Struct):
    pass


async def run(ctx: Context, payload: Payload) -> Done:
    await drop_exports(ctx)
    return Done()

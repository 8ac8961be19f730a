"""Make the readings' day partitions ahead, and drop the oldest by retention (分区维护); MariaDB alone."""

from msgspec import Struct

from backend.context import Context
from backend.jobs.port import Done, Lane
from backend.services.partitions import keep_partitions

KIND = "make_partitions"
LANE = Lane.SLOW
DAILY_AT = "03:10"


class Payload(Struct):
    pass


async def run(ctx: Context, payload: Payload) -> Done:
    await keep_partitions(ctx.clock.now())
    return Done()

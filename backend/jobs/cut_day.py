"""Charge every account for the day that ended (日结). Runs again safely: what is charged is charged."""

from datetime import timedelta

from msgspec import Struct

from backend.context import Context
from backend.jobs.port import Done, Lane
from backend.models.site import Site
from backend.services.cut_day import cut_day
from common.clock import local

KIND = "cut_day"
LANE = Lane.SLOW
DAILY_AT = "00:05"


class Payload(Struct):
    pass


async def run(ctx: Context, payload: Payload) -> Done:
    yesterday = local(ctx.clock.now()).date() - timedelta(days=1)
    for site in await Site.all().order_by("id"):
        await cut_day(ctx, site.id, yesterday)
    return Done()

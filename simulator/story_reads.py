"""Read now, under full polling (立即抄表): asked over the staff API, answered by the meter itself."""

import random
import secrets

import httpx

from backend.context import Context
from backend.models.meters import Meter
from backend.models.supply import ReadRequest
from backend.services.staff_admin import create_staff
from backend.store import rows
from simulator.stack import Stack

READS_PER_S = 2.0
ANSWERED_WITHIN_S = 60.0
USERNAME = "story-electrician"


async def read_at_random(ctx: Context, running: Stack, count: int) -> dict[str, list[float]]:
    """Ask for so many readings of different meters, two a second at random.

    Returns seconds from the request's row to the instant at which its reading was taken in, both by the
    backend's clock, by kind of line (see `line_kinds`). Raises RuntimeError for one that nobody answered.
    """
    source = random.Random(2)
    meters = [str(row.id) for row in await Meter.filter(retired_at=None).order_by("id")]
    asked: list[int] = []
    async with httpx.AsyncClient(base_url=running.private_url, timeout=30.0, trust_env=False) as client:
        headers = await _sign_in(ctx, running, client)
        for meter_id in source.sample(meters, min(count, len(meters))):
            answer = await client.post(f"/api/v1/staff/meters/{meter_id}/reads", headers=headers)
            answer.raise_for_status()
            asked.append(int(answer.json()["read_request_id"]))
            await ctx.clock.sleep(source.expovariate(READS_PER_S))
    return await _answered(ctx, asked)


async def line_kinds() -> dict[int, str]:
    """Return what kind of line each meter hangs on: "modbus-tcp 9600", "dlt645-tcp 2400"."""
    found = await rows("SELECT m.id, l.protocol, l.baud FROM meter m JOIN line l ON l.id = m.line_id")
    return {int(row["id"]): f"{row['protocol']} {row['baud']}" for row in found}


async def _sign_in(ctx: Context, running: Stack, client: httpx.AsyncClient) -> dict[str, str]:
    password = secrets.token_urlsafe(24)
    await create_staff(ctx, running.site_id, USERNAME, "值班电工", password, ["electrician"])
    body = {"username": USERNAME, "password": password}
    answer = await client.post("/api/v1/staff/sessions", json=body)
    answer.raise_for_status()
    return {"X-CSRF-Token": answer.json()["csrf_token"]}


async def _answered(ctx: Context, asked: list[int]) -> dict[str, list[float]]:
    deadline = ctx.clock.monotonic() + ANSWERED_WITHIN_S
    while await ReadRequest.filter(id__in=asked, answered_at=None).exists():
        if ctx.clock.monotonic() > deadline:
            raise RuntimeError("a reading that was asked for never came")
        await ctx.clock.sleep(0.2)
    kinds = await line_kinds()
    seconds: dict[str, list[float]] = {}
    for row in await ReadRequest.filter(id__in=asked):
        assert row.answered_at is not None
        taken_s = (row.answered_at - row.asked_at).total_seconds()
        seconds.setdefault(kinds[row.meter_id], []).append(taken_s)
    return seconds

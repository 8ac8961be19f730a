"""A mall that grows while it runs (在线扩容): a shaft with 70 meters comes and goes, two new models by file.

Through the staff's own operations, on the real processes. Elsewhere no poll may be lost meanwhile.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import pyotp

from backend.context import Context
from backend.services.staff_admin import create_staff
from backend.store import rows
from benchmarks.growth_parts import (
    HOST,
    MODELS,
    PROFILES,
    close,
    full_gateway,
    listen,
    meters_of,
    register_wh,
    strange_gateway,
)
from benchmarks.prove_case import Case, Shown, until
from simulator.gateway import Gateway
from simulator.meter import Meter
from simulator.stack import Stack, StackOptions

POLL_INTERVAL_S = 5.0
READ_WITHIN_S = 90.0
HOLD_S, HOLD_SHORT_S = 60.0, 20.0
MOST_OFF_WH = 500  # A 32-bit kWh has steps of a few Wh, and the meter counts on.
_READ_SQL = "SELECT COUNT(*) AS n FROM meter_state WHERE read_at IS NOT NULL AND meter_id IN ({})"
# Shops without money are tripped meanwhile: a reading that confirms or verifies that takes a poll's place.
_POLLS_SQL = (
    "SELECT meter_id, read_at_ms FROM reading WHERE kind IN ('poll', 'request', 'verify') AND read_at_ms >= ?"
    " ORDER BY meter_id, read_at_ms"
)


@dataclass
class Staff:
    """A signed-in administrator and what they add."""

    client: httpx.AsyncClient
    headers: dict[str, str]

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self.client.post(f"/api/v1/staff/{path}", json=body, headers=self.headers)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def get(self, path: str) -> Any:
        answer = await self.client.get(f"/api/v1/staff/{path}", headers=self.headers)
        answer.raise_for_status()
        return answer.json()

    async def build(self, gateway: Gateway) -> tuple[str, str, dict[str, str]]:
        """Add shaft, gateway and lines; returns their ids, the lines' by code."""
        shaft = await self.post("shafts", {"code": f"S{gateway.code}", "name": "新增强电井"})
        body = {"shaft_id": shaft["shaft_id"], "code": gateway.code, "name": gateway.name, "host": HOST}
        made = await self.post("gateways", body)
        lines = {}
        for code, port in gateway.ports.items():
            body = {
                "gateway_id": made["gateway_id"],
                "code": code,
                "protocol": "modbus-tcp",
                "port": port.port,
            }
            lines[code] = (await self.post("lines", body))["line_id"]
        return shaft["shaft_id"], made["gateway_id"], lines

    async def hang(self, line_id: str, meters: Iterable[Meter]) -> list[str]:
        wanted = [
            {
                "serial": meter.spec.serial,
                "unit": meter.spec.unit,
                "kind": "public",
                "profile": MODELS.get(meter.spec.profile, meter.spec.profile),
                "rated_power_w": meter.spec.rated_power_w,
            }
            for meter in meters
        ]
        return [one["meter_id"] for one in await self.post(f"lines/{line_id}/meters", {"meters": wanted})]

    async def take_down(
        self, shaft_id: str, gateway_id: str, lines: Iterable[str], meters: list[str]
    ) -> None:
        why = {"reason": "扩容演练结束"}
        await self.post("meter-retirements", {"meter_ids": meters, **why})
        for line_id in lines:
            await self.post(f"lines/{line_id}/removals", why)
        await self.post(f"gateways/{gateway_id}/removals", why)
        await self.post(f"shafts/{shaft_id}/removals", why)


async def prove_growth(case: Case) -> Shown:
    """Add and remove live.

    Figures: growth_added, growth_first_read_s, growth_polls_lost, growth_new_models_read.
    """
    shown = Shown()
    async with _mall(case) as (running, _, staff):
        old = [int(row["meter_id"]) for row in await rows("SELECT meter_id FROM meter_state")]
        await until(case.clock, "the mall is read", lambda: _are_read(old), READ_WITHIN_S)
        began_ms = int(case.clock.now().timestamp() * 1_000)
        await _grow(case, staff, shown)
        await _new_models(case, running, staff, shown)
        await case.clock.sleep(2 * POLL_INTERVAL_S)
        lost, polls = await _lost(old, began_ms)
        shown.figures |= {"growth_polls_elsewhere": polls, "growth_polls_lost": lost}
        shown.expect(lost == 0, f"{lost} of {polls} polls elsewhere were lost")
        shown.expect(polls > 0, "nothing was polled elsewhere")
    return shown


async def _grow(case: Case, staff: Staff, shown: Shown) -> None:
    gateway = full_gateway(case.clock)
    await listen(gateway)
    try:
        began_s = case.clock.monotonic()
        shaft_id, gateway_id, lines = await staff.build(gateway)
        meters: list[str] = []
        for code, line_id in lines.items():
            meters += await staff.hang(line_id, gateway.lines[code].meters.values())
        numbers = [int(meter_id) for meter_id in meters]
        await until(case.clock, "every new meter is read", lambda: _are_read(numbers), READ_WITHIN_S)
        shown.figures |= {
            "growth_added": len(meters),
            "growth_first_read_s": round(case.clock.monotonic() - began_s, 2),
        }
        await case.clock.sleep(HOLD_SHORT_S if case.is_short else HOLD_S)
        await staff.take_down(shaft_id, gateway_id, lines.values(), meters)
        codes = {shaft["code"] for shaft in await staff.get("site")}
        shown.expect(f"S{gateway.code}" not in codes, "the new shaft is still there")
    finally:
        await close(gateway)


async def _new_models(case: Case, running: Stack, staff: Staff, shown: Shown) -> None:
    gateway = strange_gateway(case.clock)
    await listen(gateway)
    try:
        _, _, lines = await staff.build(gateway)
        ((code, line_id),) = lines.items()
        with contextlib.suppress(httpx.HTTPStatusError):
            await staff.hang(line_id, gateway.lines[code].meters.values())
            shown.expect(False, "a model that nobody can read was accepted")
        for name, text in PROFILES.items():
            (running.folder / "profiles" / f"{name}.toml").write_text(text, encoding="utf-8")

        async def are_offered() -> bool:
            return set(PROFILES) <= {one["profile"] for one in await staff.get("profiles")}

        await until(case.clock, "the new models are offered", are_offered, READ_WITHIN_S)
        began_s = case.clock.monotonic()
        meters = await staff.hang(line_id, gateway.lines[code].meters.values())
        numbers = [int(meter_id) for meter_id in meters]
        await until(case.clock, "the new models are read", lambda: _are_read(numbers), READ_WITHIN_S)
        read = 0
        for meter_id, meter in zip(numbers, meters_of(gateway), strict=True):
            (state,) = await rows("SELECT register_wh FROM meter_state WHERE meter_id = ?", [meter_id])
            is_right = abs(int(state["register_wh"]) - register_wh(meter, case.clock)) <= MOST_OFF_WH
            shown.expect(is_right, f"{meter.spec.profile} shows {state['register_wh']} Wh")
            read += is_right
        shown.figures |= {
            "growth_new_models_read": read,
            "growth_new_models_s": round(case.clock.monotonic() - began_s, 2),
        }
    finally:
        await close(gateway)


@contextlib.asynccontextmanager
async def _mall(case: Case) -> AsyncIterator[tuple[Stack, Context, Staff]]:
    """Run a mall with a folder for its own profiles, and sign an administrator in."""
    options = StackOptions(
        database_url=case.database_url("growth"),
        shafts=2,
        lines=2,
        prepaid=24,
        public=8,
        poll_interval_s=POLL_INTERVAL_S,
    )
    running = Stack(case.folder, options)
    try:
        await running.prepare()
        await running.load()
        (running.folder / "profiles").mkdir()
        await running.start("backend")
        await running.start("worker")
        await running.start("collector", {"PREWATT_COLLECTOR_PROFILES": str(running.folder / "profiles")})
        async with (
            running.context() as ctx,
            httpx.AsyncClient(base_url=running.private_url, timeout=30.0, trust_env=False) as client,
        ):
            yield running, ctx, await _sign_in(ctx, running, client)
    finally:
        await running.close()


async def _sign_in(ctx: Context, running: Stack, client: httpx.AsyncClient) -> Staff:
    password = secrets.token_urlsafe(24)
    made = await create_staff(ctx, running.site_id, "builder", "系统管理员", password, ["administrator"])
    code = pyotp.TOTP(made.totp_secret).at(ctx.clock.now())
    body = {"username": "builder", "password": password, "totp": code}
    answer = await client.post("/api/v1/staff/sessions", json=body)
    answer.raise_for_status()
    return Staff(client, {"X-CSRF-Token": answer.json()["csrf_token"]})


async def _are_read(meter_ids: list[int]) -> bool:
    (row,) = await rows(_READ_SQL.format(",".join("?" * len(meter_ids))), meter_ids)
    return int(row["n"]) == len(meter_ids)


async def _lost(meter_ids: list[int], since_ms: int) -> tuple[int, int]:
    """Return how many polls are missing between two that came, and how many came."""
    wanted, before, lost, polls = set(meter_ids), dict[int, int](), 0, 0
    for row in await rows(_POLLS_SQL, [since_ms]):
        meter_id, at_ms = int(row["meter_id"]), int(row["read_at_ms"])
        if meter_id not in wanted:
            continue
        polls += 1
        if meter_id in before:
            lost += max(0, round((at_ms - before[meter_id]) / (POLL_INTERVAL_S * 1_000)) - 1)
        before[meter_id] = at_ms
    silent = wanted - before.keys()
    return lost + len(silent), polls

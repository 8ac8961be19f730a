"""Shops over their power limit (功率超限): told, tripped, verified; restores by rule, then a person.

A small mall as real processes, its site file with short times. Twenty shops switch on more than they may;
after the last restore by rule they pay, which must lift nothing. Others are over their night limit, which
must do nothing but alarm.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx

from backend.context import Caller, CallerKind, Context
from backend.services.control_supply import restore
from backend.services.power_limits import Limits, set_limits
from backend.store import rows, some_utc
from benchmarks.prove_case import Case, Shown, until
from common.clock import Clock
from common.wire import Relay
from simulator.phones import Shopper, shoppers
from simulator.stack import Stack, StackOptions

SHOPS, SHOPS_SHORT, NIGHT_SHOPS = 20, 6, 4
TELL_S, TRIP_S, RESTORE_S, RETRIES = 4, 12, 10, 2
POLICY = f"""[policy]
power_tell_s = {TELL_S}
power_trip_s = {TRIP_S}
power_restore_s = {RESTORE_S}
power_retries = {RETRIES}
power_gap_s = 30
power_night_hours = ["00:00-00:00"]"""
POLL_INTERVAL_S = 5.0
READ_WITHIN_S, TRIPPED_WITHIN_S, HELD_WITHIN_S, TOLD_WITHIN_S = 60.0, 120.0, 240.0, 60.0
SETTLE_S = 5.0
PAYS_FEN = 100_000
_METERS_SQL = (
    "SELECT m.id, m.serial, m.account_id, su.desired, su.generation, su.verified_generation, pw.state,"
    " st.read_at FROM meter m JOIN supply su ON su.meter_id = m.id JOIN meter_state st ON st.meter_id = m.id"
    " LEFT JOIN power_watch pw ON pw.meter_id = m.id ORDER BY m.id"
)
# Each meter's first alarm, reason and verified trip.
_TIMES_SQL = """
SELECT m.serial, MIN(a.raised_at) AS told_at, MIN(f.placed_at) AS tripped_at, MIN(o.ended_at) AS verified_at
FROM meter m JOIN alarm a ON a.meter_id = m.id AND a.kind = 'over_power'
JOIN off_reason f ON f.meter_id = m.id AND f.reason = 'power_limit'
JOIN supply_order o ON o.meter_id = m.id AND o.relay = 'OFF' AND o.end_stage = 'verified'
GROUP BY m.serial"""
_RETRIES_SQL = """
SELECT meter_id, COUNT(*) AS n FROM supply_order
WHERE relay = 'ON' AND cause = 'power_limit' GROUP BY meter_id"""
Row = dict[str, Any]


class _Mall:
    """The running processes and the product's database in this process."""

    def __init__(
        self, running: Stack, ctx: Context, people: Sequence[Shopper], outside: httpx.AsyncClient
    ) -> None:
        self.running, self.ctx, self.people, self.outside = running, ctx, people, outside
        self.staff = replace(ctx, caller=Caller(CallerKind.STAFF, 1, running.site_id))

    @property
    def clock(self) -> Clock:
        return self.ctx.clock

    async def truth(self) -> dict[str, Row]:
        found = (await self.outside.get(f"{self.running.mall_url}/truth")).json()
        return {each["serial"]: each for each in found["meters"]}

    async def meters(self, people: Sequence[Shopper]) -> list[Row]:
        serials = {person.serial for person in people}
        return [row for row in await rows(_METERS_SQL) if row["serial"] in serials]

    async def limit(self, people: Sequence[Shopper], *, is_night: bool = False) -> dict[str, datetime]:
        """Set limits well above what is drawn, then let each shop switch on more; returns when, by serial."""
        drawn = await self.truth()
        begun = {}
        for person in people:
            power_w = 2 * int(drawn[person.serial]["power_w"]) + 2_000
            limits = Limits(
                power_limit_w=None if is_night else power_w, night_limit_w=power_w if is_night else None
            )
            await set_limits(self.staff, int(person.account_id), limits, "功率限值证明")
            begun[person.serial] = self.clock.now()
            await self.running.switch_mall(meter=person.serial, fault="extra_w", value=power_w + 4_000)
        return begun

    async def wait(self, what: str, people: Sequence[Shopper], state: str, within_s: float) -> None:
        """Wait until every shop is in a state and what was ordered is verified."""

        async def is_so() -> bool:
            found = await self.meters(people)
            return all(
                row["state"] == state and row["generation"] == row["verified_generation"] for row in found
            )

        await until(self.clock, what, is_so, within_s)


@contextlib.asynccontextmanager
async def _mall(case: Case, shops: int) -> AsyncIterator[_Mall]:
    options = StackOptions(
        database_url=case.database_url("power_limit"),
        shafts=1,
        lines=3,
        prepaid=shops,
        public=3,
        poll_interval_s=POLL_INTERVAL_S,
    )
    running = Stack(case.folder, options)
    try:
        await running.prepare()
        site = running.folder / "site.toml"
        text = re.sub(r"^power_\w+ = .*\n", "", site.read_text(encoding="utf-8"), flags=re.MULTILINE)
        text = text.replace("[policy]", POLICY, 1)
        # Debts are no matter here.
        site.write_text(text.replace('overdraft = "0.00"', 'overdraft = "99999.00"'), encoding="utf-8")
        await running.load()
        await running.start("backend")
        async with running.context() as ctx, httpx.AsyncClient(timeout=30.0, trust_env=False) as outside:
            people = await shoppers(ctx, running, outside)
            await running.start("worker")
            await running.start("collector")
            yield _Mall(running, ctx, people, outside)
    finally:
        await running.close()


async def prove_power_limit(case: Case) -> Shown:
    """Figures: power_told_s, power_tripped_s, power_verified_s from switching on (p50, p95, max)."""
    shown = Shown()
    number = case.pick(SHOPS, SHOPS_SHORT)
    async with _mall(case, number + NIGHT_SHOPS) as mall:
        over, night = mall.people[:number], mall.people[number:]
        await until(mall.clock, "all meters read", lambda: _all_read(mall), READ_WITHIN_S)
        begun = await mall.limit(over)
        await mall.limit(night, is_night=True)
        await until(mall.clock, "all shops tripped", lambda: _all_tripped(begun), TRIPPED_WITHIN_S)
        _take_times(shown, begun, await rows(_TIMES_SQL))
        await mall.wait("restores by rule used up", over, "held", HELD_WITHIN_S)
        await _prove_held(mall, shown, over)
        await _prove_night(mall, shown, night)
        await _prove_person(mall, shown, over[0])
    return shown


async def _all_read(mall: _Mall) -> bool:
    return all(row["read_at"] is not None for row in await mall.meters(mall.people))


async def _all_tripped(begun: dict[str, datetime]) -> bool:
    return {row["serial"] for row in await rows(_TIMES_SQL)} >= begun.keys()


def _take_times(shown: Shown, begun: dict[str, datetime], found: Sequence[Row]) -> None:
    for name in ("told", "tripped", "verified"):
        waits = sorted(
            (some_utc(row[f"{name}_at"]) - begun[row["serial"]]).total_seconds()
            for row in found
            if row["serial"] in begun
        )
        shown.figures[f"power_{name}_s"] = {
            "p50": round(waits[len(waits) // 2], 2),
            "p95": round(waits[min(len(waits) - 1, len(waits) * 95 // 100)], 2),
            "max": round(waits[-1], 2),
        }
    unwarned = [
        row["serial"]
        for row in found
        if (some_utc(row["tripped_at"]) - some_utc(row["told_at"])).total_seconds() < TRIP_S - TELL_S
    ]
    shown.figures["power_shops"] = len(begun)
    shown.figures["power_policy_s"] = {"told": TELL_S, "tripped": TRIP_S, "restored": RESTORE_S}
    shown.expect(not unwarned, f"{unwarned} had no grace after they were told")


async def _prove_held(mall: _Mall, shown: Shown, over: Sequence[Shopper]) -> None:
    """After the last restore by rule: a task for a person each, and money lifts nothing."""
    retries = {row["meter_id"]: int(row["n"]) for row in await rows(_RETRIES_SQL)}
    (tasks,) = await rows(
        "SELECT COUNT(*) AS n FROM staff_task WHERE kind = 'power_limit' AND done_at IS NULL"
    )
    await asyncio.gather(*(person.pay_and_wait(PAYS_FEN) for person in over))
    await mall.clock.sleep(SETTLE_S)
    truth = await mall.truth()
    lifted = [row for row in await mall.meters(over) if row["desired"] != Relay.OFF]
    closed = [person.serial for person in over if truth[person.serial]["relay_closed"]]
    shown.figures |= {
        "power_retries_max": max(retries.values()),
        "power_held_tasks": int(tasks["n"]),
        "power_topups": len(over),
        "power_topup_lifted": len({*closed, *(row["serial"] for row in lifted)}),
    }
    shown.expect(set(retries.values()) == {RETRIES}, f"restores by rule: {sorted(retries.values())}")
    shown.expect(int(tasks["n"]) == len(over), f"{tasks['n']} tasks for {len(over)} shops")
    shown.expect(not lifted and not closed, f"a top-up lifted {len(lifted)}, {closed} are closed")


async def _prove_night(mall: _Mall, shown: Shown, night: Sequence[Shopper]) -> None:
    async def is_told() -> bool:
        (row,) = await rows("SELECT COUNT(*) AS n FROM alarm WHERE kind = 'night_power'")
        return int(row["n"]) >= len(night)

    await until(mall.clock, "the night limit told", is_told, TOLD_WITHIN_S)
    tripped = [row["serial"] for row in await mall.meters(night) if row["generation"]]
    shown.figures |= {"power_night_alarms": len(night), "power_night_trips": len(tripped)}
    shown.expect(not tripped, f"{tripped} were tripped for the night limit")


async def _prove_person(mall: _Mall, shown: Shown, person: Shopper) -> None:
    """A person restores one shop that draws less now: it is on, and stays so."""
    await mall.running.switch_mall(meter=person.serial, fault="extra_w", value=0)
    (row,) = await mall.meters([person])
    await restore(mall.staff, row["id"], "已减少用电")
    await mall.wait("a person's restore", [person], "under", TOLD_WITHIN_S)
    await mall.clock.sleep(SETTLE_S)
    is_on = (await mall.truth())[person.serial]["relay_closed"]
    shown.figures["power_person_restored"] = int(is_on)
    shown.expect(bool(is_on), f"{person.serial} is off after a person restored it")

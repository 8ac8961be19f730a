"""A small mall for service tests: real services on a real database, a clock that moves when told.

Readings come from here directly, not over a line; payments are handed in as the channel would state
them. Lines, gateways and the payment channel have tests of their own.
"""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from backend.context import Caller, CallerKind, Context
from backend.jobs import load_jobs
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.operations import Alarm, Collector, StaffTask
from backend.models.payments import TopUp, TopUpState
from backend.models.people import Binding, Tenant
from backend.models.site import Shop
from backend.models.supply import ArrearsEpisode, Supply
from backend.outbox import Runner
from backend.payments.port import PaidOrder
from backend.services.accept_outcomes import accept_outcomes
from backend.services.book_payment import Booked, book_payment
from backend.services.collector_link import note_health
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account
from backend.services.permissions import TENANT_PERMISSIONS
from backend.services.site_file import read_site_file
from backend.services.site_load import load_site
from backend.services.take_readings import take_readings
from backend.store import rows, unit_of_work
from backend.wakes import LocalWakes
from common.clock import ManualClock
from common.ids import Ids
from common.units import Fen
from common.wire import (
    BatchAnswer,
    Health,
    Outcome,
    OutcomeBatch,
    Reading,
    ReadingBatch,
    ReadingKind,
    Relay,
    Stage,
)
from tests.services.fakes import FakeChannel, FakeGateway
from tests.services.site import settings, site_text


@dataclass
class SmallMall:
    """What a test says about the mall. Times are the clock's; energy is what the register shows."""

    ctx: Context
    clock: ManualClock
    site_id: int
    collector: Collector
    runner: Runner
    channel: FakeChannel
    gateway: FakeGateway
    registers: dict[str, int] = field(default_factory=dict)

    @property
    def as_collector(self) -> Context:
        return replace(self.ctx, caller=Caller(CallerKind.COLLECTOR, self.collector.id, self.site_id))

    def as_staff(self, number: int, *permissions: str) -> Context:
        caller = Caller(CallerKind.STAFF, number, self.site_id, permissions=frozenset(permissions))
        return replace(self.ctx, caller=caller)

    async def as_tenant(self, shop: str = "A001", openid: str = "payer") -> Context:
        """A phone that is bound to a shop."""
        tenant = await Tenant.get_or_none(openid=openid)
        if tenant is None:
            tenant = await Tenant.create(id=self.ctx.ids.new(), openid=openid, made_at=self.clock.now())
        account = await self.account(shop)
        key = f"{tenant.id}:{account.id}"
        if not await Binding.exists(standing_key=key):
            await Binding.create(
                id=self.ctx.ids.new(),
                tenant_id=tenant.id,
                account_id=account.id,
                bound_at=self.clock.now(),
                standing_key=key,
            )
        caller = Caller(CallerKind.TENANT, tenant.id, permissions=TENANT_PERMISSIONS, openid=openid)
        return replace(self.ctx, caller=caller)

    async def account(self, shop: str = "A001") -> Account:
        row = await Shop.get(code=shop)
        return await Account.get(shop_id=row.id)

    async def meter(self, shop: str = "A001") -> Meter:
        return await Meter.get(account_id=(await self.account(shop)).id)

    async def state(self, shop: str = "A001") -> MeterState:
        return await MeterState.get(meter_id=(await self.meter(shop)).id)

    async def supply(self, shop: str = "A001") -> Supply:
        return await Supply.get(meter_id=(await self.meter(shop)).id)

    def reading(self, meter: Meter, register_wh: int, **more: Any) -> Reading:
        values: dict[str, Any] = {"read_at": self.clock.now(), "kind": ReadingKind.POLL, **more}
        return Reading(meter_id=str(meter.id), register_wh=register_wh, **values)

    async def verdicts(self, shop: str = "A001") -> list[str]:
        """What became of the shop's readings, oldest first."""
        found = await rows(
            "SELECT verdict FROM reading WHERE meter_id = ? ORDER BY read_at_ms, kind",
            [(await self.meter(shop)).id],
        )
        return [str(row["verdict"]) for row in found]

    async def alarms(self) -> list[str]:
        """Kinds of the alarms that stand."""
        return sorted([row.kind for row in await Alarm.filter(cleared_at=None)])

    async def tasks(self) -> list[str]:
        """Kinds of what waits for people."""
        return sorted([row.kind for row in await StaffTask.filter(done_at=None)])

    async def push(self, *readings: Reading) -> BatchAnswer:
        batch = ReadingBatch(epoch="e", number=1, sent_at=self.clock.now(), readings=list(readings))
        return await take_readings(self.as_collector, batch)

    async def read(self, shop: str = "A001", used_wh: int = 0, **more: Any) -> None:
        """Let the meter count `used_wh` and read it now."""
        meter = await self.meter(shop)
        self.registers[shop] = self.registers.get(shop, 1_000_000) + used_wh
        await self.contact()
        await self.push(self.reading(meter, self.registers[shop], **more))

    async def contact(self) -> None:
        """Let the collector be in touch, with a right clock."""
        health = Health(sent_at=self.clock.now(), version="t", spool_backlog=0, clock_offset_s=0.0, lines=[])
        await note_health(self.as_collector, health)

    async def order(self, amount_fen: int, shop: str = "A001") -> TopUp:
        account = await self.account(shop)
        now = self.clock.now()
        number = self.ctx.ids.new()

        async def work() -> TopUp:
            return await TopUp.create(
                id=number,
                site_id=self.site_id,
                order_no=f"PW{number}",
                account_id=account.id,
                tenant_id=1,
                openid="payer",
                amount_fen=amount_fen,
                request_id=f"request-{number}",
                state=TopUpState.PREPARED,
                created_at=now,
                expires_at=now + timedelta(minutes=10),
            )

        return await unit_of_work(work)

    def paid(self, order: TopUp, **more: Any) -> PaidOrder:
        values: dict[str, Any] = {
            "order_no": order.order_no,
            "transaction_id": f"42{order.id}",
            "amount_fen": Fen(order.amount_fen),
            "payer_total_fen": Fen(order.amount_fen),
            "currency": "CNY",
            "openid": order.openid,
            "paid_at": self.clock.now(),
            "trade_state": "SUCCESS",
            "raw_digest": "",
        }
        return PaidOrder(**{**values, **more})

    async def pay(self, amount_fen: int, shop: str = "A001") -> Booked:
        return await book_payment(self.ctx, self.paid(await self.order(amount_fen, shop)), "callback")

    async def drain(self, shop: str = "A001") -> None:
        """Pay 1 yuan and use 1.14 within ten minutes: arrears begin."""
        await self.pay(100, shop)
        await self.read(shop)
        self.clock.advance(600)
        await self.read(shop, used_wh=1_200)

    async def prove(self, shop: str = "A001") -> None:
        """Let the last warning be delivered."""
        account = await self.account(shop)

        async def work() -> None:
            standing = ArrearsEpisode.filter(account_id=account.id, ended_at=None)
            await standing.update(proof_at=self.clock.now(), proof="sms:1")
            await decide_account(self.ctx, await lock_account(account.id), "proof")

        await unit_of_work(work)

    async def confirm(self, shop: str = "A001") -> None:
        """Read twice, six seconds apart, as the engine asks before a trip."""
        await self.read(shop, used_wh=1)
        self.clock.advance(6)
        await self.read(shop, used_wh=1)

    async def wait(self, seconds: float, shop: str | None = "A001") -> None:
        """Let time pass with the collector in touch; then what is due is done."""
        self.clock.advance(seconds)
        await self.contact()
        if shop is not None:
            await self.read(shop)
        await self.runner.run_due()

    async def cut_off(self, shop: str = "A001") -> None:
        """Drain a shop, warn it, wait out the delay of a minute and trip it, verified."""
        await self.drain(shop)
        await self.prove(shop)
        self.clock.advance(61)
        await self.confirm(shop)
        await self.outcome(Stage.VERIFIED, shop, Relay.OFF)

    async def outcome(
        self, stage: Stage, shop: str = "A001", relay: Relay = Relay.UNKNOWN, **more: Any
    ) -> None:
        """Report one step of the newest order, as the collector does."""
        supply = await self.supply(shop)
        values: dict[str, Any] = {"generation": supply.generation, "at": self.clock.now(), **more}
        outcome = Outcome(meter_id=str(supply.meter_id), stage=stage, relay=relay, **values)
        batch = OutcomeBatch(epoch="e", number=1, sent_at=self.clock.now(), outcomes=[outcome])
        await accept_outcomes(self.as_collector, batch)

    async def holds(self, shop: str = "A001") -> list[str]:
        return list(json.loads((await self.supply(shop)).holds))


async def small_mall(
    folder: Path, shops: int = 3, text: str | None = None, collector: str = "c1", node: int = 1
) -> SmallMall:
    """Load a mall of a few shops and a collector into the open store, on 2026-03-02 at 10:30 local time."""
    clock = ManualClock(datetime.fromisoformat("2026-03-02T10:30:00+08:00").astimezone(UTC))
    channel, gateway = FakeChannel(), FakeGateway()
    ctx = Context(
        clock=clock,
        ids=Ids(clock, node=node),
        settings=settings(folder),
        payments=channel,
        messages=gateway,
        wakes=LocalWakes(),
        random=Random(7),
    )
    loaded = await load_site(ctx, read_site_file(text or site_text(shops)))
    reader = await Collector.create(
        id=ctx.ids.new(),
        site_id=loaded.site_id,
        name=collector,
        token_hash=f"hash of {collector}",
        line_codes=msgspec.json.encode([]).decode(),
    )
    runner = Runner(ctx, load_jobs())
    return SmallMall(ctx, clock, loaded.site_id, reader, runner, channel, gateway)

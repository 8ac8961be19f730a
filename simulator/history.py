"""Days of history (历史数据): made by the real services on a clock that is moved; no line, no collector.

Hourly readings through `take_readings`, the whole mall a batch; top-ups by the booking function; day cuts.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from backend.context import Caller, CallerKind, Context
from backend.domain.balances import estimate
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.operations import Collector
from backend.models.payments import TopUp, TopUpState
from backend.payments.port import PaidOrder
from backend.services.book_payment import book_payment
from backend.services.cut_day import cut_day
from backend.services.take_readings import take_readings
from backend.store import unit_of_work
from common.clock import ManualClock, local, local_midnight
from common.ids import Ids
from common.units import Fen, Nanoyuan
from common.wire import Reading, ReadingBatch, ReadingKind, Relay
from simulator.mall import Mall

HOUR = timedelta(hours=1)
TOP_UP_BELOW_DAYS = 6
TOP_UP_DAYS = (9, 16)
FEN_PER_KWH = 80  # About what a shop pays, to guess how long money lasts.
HISTORY_TENANT = 1  # Paid by people whom the demo does not play.


class History:
    """Makes the days from `begin_at` up to now."""

    def __init__(self, ctx: Context, site_id: int, mall: Mall, seed: int) -> None:
        self._now = ctx.clock.now()
        self._mall = mall
        self._site_id = site_id
        self._random = random.Random(seed)
        self.clock = ManualClock(self._now)
        self._ctx = ctx

    async def make(self, days: int, tell: Callable[[str], None]) -> None:
        """Make so many days; `tell` is called with a Chinese line a few times on the way."""
        begin_at = local_midnight(local(self._now).date() - timedelta(days=days))
        self.clock = ManualClock(begin_at)
        self._ctx = replace(self._ctx, clock=self.clock, ids=Ids(self.clock, node=2))
        collector = await Collector.filter(site_id=self._site_id).first()
        assert collector is not None
        as_collector = replace(
            self._ctx, caller=Caller(CallerKind.COLLECTOR, collector.id, self._site_id, name="history")
        )
        meters = await Meter.filter(site_id=self._site_id).order_by("id")
        last_at = self._now.replace(minute=0, second=0, microsecond=0)
        number = 0
        await self._top_up(meters)
        while self.clock.now() <= last_at:
            at = self.clock.now()
            here = local(at)
            await take_readings(as_collector, self._batch(meters, at, number))
            number += 1
            if here.hour == 0:
                await cut_day(self._ctx, self._site_id, here.date() - timedelta(days=1))
                done = (at - begin_at).days
                if done % 10 == 0:
                    tell(f"历史数据：{done}/{days} 天")
            if here.hour == 8:
                await self._top_up(meters)
            self.clock.advance(HOUR.total_seconds())

    def _batch(self, meters: list[Meter], at: datetime, number: int) -> ReadingBatch:
        readings = []
        for meter in meters:
            total, rates = self._mall.register_at(meter.serial, at)
            readings.append(
                Reading(
                    meter_id=str(meter.id),
                    read_at=at,
                    kind=ReadingKind.POLL,
                    register_wh=int(total),
                    period_registers_wh=(int(rates[0]), int(rates[1]), int(rates[2]), int(rates[3])),
                    relay=Relay.ON if meter.kind.value == "prepaid" else Relay.UNKNOWN,
                )
            )
        return ReadingBatch(epoch="history", number=number, sent_at=at, readings=readings)

    async def _top_up(self, meters: list[Meter]) -> None:
        """Let every shop pay in time, so that the history has no cut; people know what they use."""
        at = self.clock.now()
        accrued: dict[int, int] = {}
        for state in await MeterState.filter(site_id=self._site_id, account_id__isnull=False):
            accrued[state.account_id or 0] = accrued.get(state.account_id or 0, 0) + state.accrued_nano
        daily: dict[int, int] = {}
        for meter in meters:
            if meter.account_id is not None:
                daily[meter.account_id] = daily.get(meter.account_id, 0) + self._daily_fen(meter, at)
        for account in await Account.filter(site_id=self._site_id).order_by("id"):
            left = estimate(
                Fen(account.settled_fen),
                Nanoyuan(account.carried_nano),
                Nanoyuan(accrued.get(account.id, 0)),
            )
            use_fen = daily.get(account.id, 0)
            if left > max(account.low_fen * 2, use_fen * TOP_UP_BELOW_DAYS):
                continue
            amount = use_fen * self._random.uniform(*TOP_UP_DAYS) + account.low_fen * 3
            await self.pay(account, Fen(int(amount) // 10_000 * 10_000 + 10_000))

    def _daily_fen(self, meter: Meter, at: datetime) -> int:
        first, _ = self._mall.register_at(meter.serial, at)
        last, _ = self._mall.register_at(meter.serial, at + timedelta(days=1))
        return (int(last) - int(first)) * meter.ct_ratio * FEN_PER_KWH // 1_000

    async def pay(self, account: Account, amount_fen: Fen) -> None:
        """Book one payment as the channel would state it."""
        ctx, at = self._ctx, self.clock.now()
        number = ctx.ids.new()
        order_no = f"PW{number}"

        async def order() -> None:
            await TopUp.create(
                id=number,
                site_id=self._site_id,
                order_no=order_no,
                account_id=account.id,
                tenant_id=HISTORY_TENANT,
                openid="history",
                amount_fen=amount_fen,
                request_id=f"history-{number}",
                state=TopUpState.PREPARED,
                created_at=at,
                expires_at=at + timedelta(minutes=10),
            )

        await unit_of_work(order, "history")
        paid = PaidOrder(
            order_no=order_no,
            transaction_id=f"history{number}",
            amount_fen=amount_fen,
            payer_total_fen=amount_fen,
            currency="CNY",
            openid="history",
            paid_at=at,
            trade_state="SUCCESS",
            raw_digest="",
        )
        await book_payment(ctx, paid, "query")

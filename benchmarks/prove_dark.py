"""A small mall that the engine has tripped, and phones that pay until there is power (断电的商场).

Everything runs as in the story: real processes, sockets, signatures and frames, on MariaDB.
"""

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from backend.context import Context
from backend.store import rows, sql_time
from benchmarks.prove_books import Paid, ledger_faults
from benchmarks.prove_case import Case, until
from common.clock import Clock
from common.wire import Relay
from simulator.phone import PhoneError, PhoneOrder
from simulator.phones import Shopper, shoppers
from simulator.stack import Stack, StackOptions

DELAY_S = 1
POLL_INTERVAL_S = 10.0
DARK_WITHIN_S = 300.0
UNPROVED_AFTER = timedelta(seconds=60)
FOLLOW_EVERY_S = 0.5
RETRY_EVERY_S = 0.3
POWERED_WITHIN_S = 180.0
_BUSY = {429}
_SHOPS_SQL = (
    "SELECT account_id, desired, generation, verified_generation FROM supply WHERE account_id IS NOT NULL"
)
# Warnings whose sender died between the provider's answer and our note of it.
_UNPROVED_SQL = (
    "SELECT DISTINCT e.account_id FROM arrears_episode e JOIN notice n ON n.episode_id = e.id"
    " JOIN delivery d ON d.notice_id = n.id WHERE e.proof_at IS NULL AND e.ended_at IS NULL"
    " AND d.state = 'queued' AND d.provider_id IS NULL AND d.queued_at < ?"
)


@dataclass
class DarkMall:
    """The running processes, the product's database in this process, and every shop's person."""

    running: Stack
    ctx: Context
    people: list[Shopper]
    outside: httpx.AsyncClient

    async def wait_until_dark(self) -> list[Shopper]:
        """Wait until every shop is off, verified, and return their people.

        A shop whose last warning died with its sender has no proof of notice: it keeps its power until a
        person has called, and is not among them.
        """
        dark: set[str] = set()

        async def is_dark() -> bool:
            nonlocal dark
            found = await rows(_SHOPS_SQL)
            dark = {str(row["account_id"]) for row in found if _is_off(row)}
            long_ago = sql_time(self.ctx.clock.now() - UNPROVED_AFTER)
            unproved = {str(row["account_id"]) for row in await rows(_UNPROVED_SQL, [long_ago])}
            return all(str(row["account_id"]) in dark | unproved for row in found)

        await until(self.ctx.clock, "every shop tripped", is_dark, DARK_WITHIN_S)
        return [person for person in self.people if person.account_id in dark]

    async def paid(self) -> list[Paid]:
        truth = await self.running.world_truth()
        return [
            Paid(each["out_trade_no"], each["transaction_id"], each["amount_fen"]) for each in truth["paid"]
        ]

    async def meters(self) -> dict[str, dict[str, Any]]:
        """Return what is really the case at every meter, by serial."""
        truth = (await self.outside.get(f"{self.running.mall_url}/truth")).json()
        return {each["serial"]: each for each in truth["meters"]}

    async def faults(self, powered: list["Payment"]) -> list[str]:
        """Compare ledger and channel, and look at the contacts of all who have paid."""
        meters = await self.meters()
        dark = [each.shop for each in powered if not meters[each.serial]["relay_closed"]]
        late = [each.shop for each in powered if each.powered_s is None]
        moves = (await self.outside.get(f"{self.running.mall_url}/moves")).json()["moves"]
        closed = [move["serial"] for move in moves if move["closed"]]
        twice = sorted({serial for serial in closed if closed.count(serial) > 1})
        return [
            *await ledger_faults(await self.paid(), self.running.settings.ledger_key),
            *(f"{shop} has paid and its contact is open" for shop in dark),
            *(f"{shop} has paid and its power was not verified in time" for shop in late),
            *(f"meter {serial} was switched on more than once" for serial in twice),
        ]


@dataclass
class Payment:
    """One shop's way from paying to power; seconds count from the phone's return."""

    shop: str
    serial: str
    order_no: str = ""
    booked_s: float | None = None
    powered_s: float | None = None


def _is_off(row: dict[str, Any]) -> bool:
    is_verified = row["generation"] == row["verified_generation"] > 0
    return bool(row["desired"] == Relay.OFF and is_verified)


@contextlib.asynccontextmanager
async def prepared_mall(case: Case, name: str, shops: int) -> AsyncIterator[DarkMall]:
    """Run mall, world, Valkey and backend, and let every shop's person bind; nobody reads a meter yet."""
    options = StackOptions(
        database_url=case.database_url(name),
        shafts=1,
        lines=3,
        prepaid=shops,
        public=3,
        delay_s=DELAY_S,
        poll_interval_s=POLL_INTERVAL_S,
    )
    running = Stack(case.folder, options)
    try:
        await running.prepare()
        await running.load()
        await running.start("backend")
        async with running.context() as ctx, httpx.AsyncClient(timeout=30.0, trust_env=False) as outside:
            yield DarkMall(running, ctx, await shoppers(ctx, running, outside), outside)
    finally:
        await running.close()


async def pay_until_powered(clock: Clock, person: Shopper, amount_fen: int, rng: random.Random) -> Payment:
    """Top up, pay, and look until the power is back, however often the product dies meanwhile.

    What fails is tried again with the same request_id, as the mini-program does.
    """
    payment = Payment(person.shop, person.serial)
    request_id = f"proof-{rng.getrandbits(64):016x}"
    order = await _order(clock, person, amount_fen, request_id)
    payment.order_no = order.order_no
    await person.phone.pay(order)
    returned_s = clock.monotonic()
    while clock.monotonic() - returned_s < POWERED_WITHIN_S:
        with contextlib.suppress(httpx.HTTPError, PhoneError):
            track = await person.phone.follow(order.order_no)
            since_s = clock.monotonic() - returned_s
            if payment.booked_s is None and track["state"] == "booked":
                payment.booked_s = since_s
            if track["verified_at"] is not None:
                payment.powered_s = since_s
                return payment
        await clock.sleep(FOLLOW_EVERY_S)
    return payment


async def _order(clock: Clock, person: Shopper, amount_fen: int, request_id: str) -> PhoneOrder:
    """Begin a top-up; an answer that got lost, or a busy product, is asked again."""
    deadline = clock.monotonic() + POWERED_WITHIN_S
    while True:
        try:
            order = await person.phone.top_up(person.account_id, amount_fen, request_id)
            if order.pay is not None:
                return order
        except httpx.HTTPError:
            if clock.monotonic() > deadline:
                raise
        except PhoneError as error:
            if (error.status < 500 and error.status not in _BUSY) or clock.monotonic() > deadline:
                raise
        await clock.sleep(RETRY_EVERY_S)

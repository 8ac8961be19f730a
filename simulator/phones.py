"""Tenants with their phones on real sockets (商户手机): bound to their shops, ready to pay."""

import asyncio
import random
from dataclasses import dataclass, replace

import httpx

from backend.context import Caller, CallerKind, Context
from backend.models.accounts import Account
from backend.models.meters import Meter
from backend.models.payments import TopUp
from backend.models.site import Shop
from backend.services.bindings import issue_binding_code
from common.clock import Clock
from simulator.keys import load_or_make_keys
from simulator.phone import Phone
from simulator.stack import Stack
from simulator.wechat_people import People
from simulator.world_main import PHONE, TENANT_NAME

CONSENTS = 3  # Subscribe messages of each template that a newly bound tenant allows.
AT_ONCE = 8
BOOKED_WITHIN_S = 30.0


@dataclass
class Shopper:
    """A shop's person. account_id is text, as the phone knows it."""

    shop: str
    person: str
    account_id: str
    serial: str
    phone: Phone
    clock: Clock

    async def pay(self, amount_fen: int) -> str:
        """Top up and pay; return the order's number as soon as the phone says it is paid."""
        order = await self.phone.top_up(self.account_id, amount_fen)
        answer = await self.phone.pay(order)
        if not answer.endswith(":ok"):
            raise RuntimeError(f"{self.person}: {answer}")
        return order.order_no

    async def pay_and_wait(self, amount_fen: int) -> str:
        """Top up, pay and follow until it is booked."""
        order_no = await self.pay(amount_fen)
        deadline = self.clock.monotonic() + BOOKED_WITHIN_S
        while (await self.phone.follow(order_no))["state"] != "booked":
            if self.clock.monotonic() > deadline:
                raise RuntimeError(f"{order_no} was not booked within {BOOKED_WITHIN_S:.0f} s")
            await self.clock.sleep(0.2)
        return order_no

    async def scan(self) -> int | None:
        """Scan the code on the till's customer screen and pay; return the fen, None when no code is shown."""
        shown = TopUp.filter(account_id=int(self.account_id), scene="native", state="prepared")
        code = await shown.filter(expires_at__gt=self.clock.now()).order_by("-id").first()
        if code is None or code.code_url is None:
            return None
        answer = await self.phone.scan(code.code_url)
        if not answer.endswith(":ok"):
            raise RuntimeError(f"{self.person}: {answer}")
        return int(code.amount_fen)


async def shoppers(ctx: Context, running: Stack, client: httpx.AsyncClient) -> list[Shopper]:
    """Let every shop's person sign in, bind the shop and allow messages, by the real API."""
    keys = load_or_make_keys(running.folder / "world", ctx.clock.now())
    people = People(keys.names)
    clerk = replace(
        ctx,
        caller=Caller(
            CallerKind.STAFF,
            1,
            running.site_id,
            name="前台",
            permissions=frozenset({"staff.binding_code"}),
        ),
    )
    templates = sorted(set(keys.names.mini_program.templates.values()))[:3]
    serials = {meter.account_id: meter.serial for meter in await Meter.filter(account_id__isnull=False)}
    accounts = {row.shop_id: row.id for row in await Account.filter(site_id=running.site_id)}
    gate = asyncio.Semaphore(AT_ONCE)

    async def settle(number: int, shop: Shop) -> Shopper:
        name = TENANT_NAME.format(number=number)
        person = people.meet(name, phone=PHONE.format(number=number), follows=True)
        phone = Phone(
            person,
            client,
            product_url=running.public_url,
            pay_url=running.pay_url,
            api_url=running.api_url,
            random_=random.SystemRandom(),
        )
        account_id = accounts[shop.id]
        async with gate:
            await phone.sign_in()
            if not (await phone.home())["accounts"]:
                await phone.bind(await issue_binding_code(clerk, account_id))
                for _ in range(CONSENTS):
                    await phone.allow([item.partition("|")[0] for item in templates])
        return Shopper(shop.code, name, str(account_id), serials[account_id], phone, ctx.clock)

    shops = await Shop.filter(site_id=running.site_id).order_by("code")
    return list(await asyncio.gather(*(settle(number, shop) for number, shop in enumerate(shops, start=1))))

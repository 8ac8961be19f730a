"""The whole simulated outside: WeChat Pay, WeChat's API, SMS and the phones of its people (模拟外部世界).

One object serves it all, in memory on virtual time or on loopback sockets; the seed decides everything
but the RSA keys.
"""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from common.clock import Clock
from simulator.in_memory import InMemoryAdapter, InMemoryTransport
from simulator.keys import API_URL, PAY_URL, PUBLIC_URL, SMS_URL, WorldKeys
from simulator.pay_faults import DoubtfulCodes
from simulator.pay_server import PayServer
from simulator.phone import Phone
from simulator.sms_server import SmsServer
from simulator.web import Caller, HttpCaller, NowServer, Server
from simulator.wechat_names import MINI_PROGRAM, SERVICE_ACCOUNT
from simulator.wechat_people import People, Person
from simulator.wechat_server import WechatServer


@dataclass(frozen=True)
class Addresses:
    """Where everyone is reached: scheme, host and port, no path."""

    pay: str = PAY_URL
    api: str = API_URL
    sms: str = SMS_URL
    product: str = PUBLIC_URL


class WechatWorld:
    """Pay, API and SMS servers of one world, and its people.

    pay, api, sms: the servers, each with `switches`. `phone(person)` gives somebody's phone.
    """

    def __init__(
        self,
        keys: WorldKeys,
        clock: Clock,
        client: httpx.AsyncClient,
        random_: random.Random,
        *,
        addresses: Addresses | None = None,
        codes: DoubtfulCodes | None = None,
        certificate_mode: bool = False,
        encrypted_events: bool = True,
        checks_sms_age: bool = True,
    ) -> None:
        """client: reaches the product and, for phones, the servers themselves; closed by the caller."""
        self.keys = keys
        self.clock = clock
        self.addresses = addresses or Addresses()
        self._client = client
        self._random = random_
        call: Caller = HttpCaller(client, clock)
        self.people = People(keys.names)
        # A source for each server: what one is asked does not change what another does.
        self.pay = PayServer(
            keys,
            clock,
            call,
            random_=self._source(),
            codes=codes,
            certificate_mode=certificate_mode,
            knows_openid=self.people.is_payer,
        )
        self.api = WechatServer(
            keys,
            clock,
            call,
            self.people,
            self.addresses.product,
            random_=self._source(),
            encrypted=encrypted_events,
        )
        self.sms = SmsServer(
            keys,
            clock,
            call,
            self.addresses.product,
            random_=self._source(),
            checks_age=checks_sms_age,
        )

    def phone(self, person: Person) -> Phone:
        """Give the phone of a person; each call gives a new one, not signed in."""
        return Phone(
            person,
            self._client,
            product_url=self.addresses.product,
            pay_url=self.addresses.pay,
            api_url=self.addresses.api,
            random_=self._source(),
        )

    def hosts(self) -> dict[str, Server]:
        """Return the servers by host and port, for an InMemoryTransport."""
        return {
            urlsplit(self.addresses.pay).netloc: self.pay,
            urlsplit(self.addresses.api).netloc: self.api,
            urlsplit(self.addresses.sms).netloc: self.sms,
        }

    def now_hosts(self) -> dict[str, NowServer]:
        """Return the servers that synchronous clients use, for an InMemoryAdapter."""
        return {
            urlsplit(self.addresses.api).netloc: self.api,
            urlsplit(self.addresses.sms).netloc: self.sms,
        }

    async def check_event_addresses(self) -> dict[str, bool]:
        """Ask the product to prove both event addresses (接入验证)."""
        return {app: await self.api.events.check_address(app) for app in (MINI_PROGRAM, SERVICE_ACCOUNT)}

    def apply(self, orders: dict[str, Any]) -> None:
        """Set switches: {"pay" | "wechat" | "sms": {"clear": …, "set": […]}}. Raises ValueError, KeyError."""
        if unknown := orders.keys() - {"pay", "wechat", "sms"}:
            raise ValueError(f"no such server: {', '.join(sorted(unknown))}")
        if "pay" in orders:
            self.pay.switches.apply(orders["pay"])
        if "wechat" in orders:
            self.api.switches.apply(orders["wechat"])
        if "sms" in orders:
            self.sms.switches.apply(orders["sms"])

    def switches(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "pay": self.pay.switches.listed(),
            "wechat": self.api.switches.listed(),
            "sms": self.sms.switches.listed(),
        }

    def paid_fen_between(self, begin_at: datetime, end_at: datetime) -> int:
        """Sum what was really paid from begin_at up to, not including, end_at."""
        return sum(paid.amount_fen for paid in self.pay.paid_orders() if begin_at <= paid.paid_at < end_at)

    async def settle(self) -> None:
        """Wait until every callback and receipt that is under way has come to its end."""
        for background in (self.pay.background, self.api.background, self.sms.background):
            await background.settle()

    async def close(self) -> None:
        for background in (self.pay.background, self.api.background, self.sms.background):
            await background.close()

    def _source(self) -> random.Random:
        return random.Random(self._random.getrandbits(64))


def in_memory_world(
    keys: WorldKeys, clock: Clock, product: Server, seed: int, **options: Any
) -> tuple[WechatWorld, InMemoryTransport, InMemoryAdapter]:
    """Build a world without sockets around a product (内存中的世界).

    Returns the world, the httpx transport that reaches everyone, and the adapter for requests.
    options: as for WechatWorld, but the age of SMS requests is not checked unless asked for: the
    provider's SDK reads the machine's clock. Call it on the loop that will run it.
    """
    options.setdefault("checks_sms_age", False)
    transport = InMemoryTransport({})
    client = httpx.AsyncClient(transport=transport)
    world = WechatWorld(keys, clock, client, random.Random(seed), **options)
    transport.hosts |= {**world.hosts(), urlsplit(world.addresses.product).netloc: product}
    return world, transport, InMemoryAdapter(world.now_hosts())

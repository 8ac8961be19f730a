"""A mall with two sites, a few people and two phones, on a clock that moves only when told."""

import random
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pyotp
import pytest
from argon2 import PasswordHasher

from backend.context import SYSTEM, Caller, CallerKind, Context
from backend.messages.port import LoginCodeRefused, WechatIdentity
from backend.models.accounts import Account
from backend.models.people import Staff
from backend.models.site import Shop, Site
from backend.services import credentials
from backend.services.permissions import TENANT_PERMISSIONS, permissions_of
from backend.services.staff_admin import NewStaff, create_staff
from backend.services.tenant_sign_in import sign_in_tenant
from backend.settings import Settings, WechatAppSettings, WechatPaySettings
from backend.store import rows
from backend.wakes import LocalWakes
from common.clock import ManualClock
from common.ids import Ids

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
SITE, OTHER_SITE = 101, 102


class FakeMessages:
    """WeChat as far as signing in goes: a phone's code names its openid."""

    async def code_to_session(self, code: str) -> WechatIdentity:
        if not code.startswith("phone-"):
            raise LoginCodeRefused()
        return WechatIdentity(openid=f"openid-{code}", unionid=f"union-{code}")


def some_settings(*, demo: bool = False) -> Settings:
    return Settings(
        database_url="sqlite://",
        redis_url="",
        public_url="https://mall.example",
        public_listen=("127.0.0.1", 8000),
        private_listen=("127.0.0.1", 8001),
        data_dir=Path("var"),
        ledger_key=b"l" * 32,
        secret_key=b"s" * 32,
        demo=demo,
        workers=1,
        pay=WechatPaySettings(
            base_url="https://pay.example",
            mchid="1",
            appid="wx1",
            merchant_serial="1",
            merchant_key_file=Path("key.pem"),
            apiv3_key="k" * 32,
            verify_keys={},
            notify_url="https://mall.example/notify",
        ),
        mini_program=WechatAppSettings(
            api_base_url="https://api.example", appid="wx1", secret="1", token="1", aes_key="", templates={}
        ),
        service_account=None,
        sms=None,
        staff_phone="",
    )


@dataclass
class People:
    """What the tests talk to: contexts of callers, and the things they act on."""

    ctx: Context
    clock: ManualClock
    made: dict[str, NewStaff] = field(default_factory=dict)

    async def hire(self, username: str, *roles: str, site_id: int = SITE) -> NewStaff:
        new = await create_staff(self.ctx, site_id, username, username.title(), PASSWORD, roles)
        self.made[username] = new
        return new

    async def staff(self, username: str, *roles: str, site_id: int = SITE) -> Context:
        """Return the context of somebody who is signed in, hired first if need be."""
        if username not in self.made:
            await self.hire(username, *roles, site_id=site_id)
        staff = await Staff.get(id=self.made[username].staff_id)
        caller = Caller(
            CallerKind.STAFF,
            id=staff.id,
            site_id=staff.site_id,
            name=staff.name,
            permissions=await permissions_of(staff.id),
        )
        return replace(self.ctx, caller=caller, request_id=self.ctx.ids.text(), client_ip="10.0.0.5")

    async def phone(self, name: str) -> Context:
        """Return the context of a phone that is signed in."""
        await sign_in_tenant(self.ctx, f"phone-{name}")
        (row,) = await rows("SELECT id, openid FROM tenant WHERE openid = ?", [f"openid-phone-{name}"])
        caller = Caller(
            CallerKind.TENANT, id=int(row["id"]), permissions=TENANT_PERMISSIONS, openid=row["openid"]
        )
        return replace(self.ctx, caller=caller, request_id=self.ctx.ids.text())

    async def account(self, code: str, site_id: int = SITE) -> Account:
        shop = await Shop.create(id=self.ctx.ids.new(), site_id=site_id, code=code, name=code)
        return await Account.create(
            id=self.ctx.ids.new(), site_id=site_id, shop_id=shop.id, tariff_id=1, opened_at=self.clock.now()
        )

    def totp(self, username: str) -> str:
        return pyotp.TOTP(self.made[username].totp_secret).at(self.clock.now())


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2id, with less memory: hundreds of sign-ins would take most of the time."""
    monkeypatch.setattr(credentials, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    credentials._hash_of_nobody.cache_clear()


@pytest.fixture
async def people(store: str) -> People:
    clock = ManualClock(MONDAY)
    ctx = Context(
        clock=clock,
        ids=Ids(clock, random.Random(7), node=1),
        settings=some_settings(),
        payments=cast(Any, None),
        messages=cast(Any, FakeMessages()),
        wakes=LocalWakes(),
        caller=SYSTEM,
        request_id="test-request",
        client_ip="10.0.0.1",
        random=random.Random(8),
    )
    for site_id in (SITE, OTHER_SITE):
        await Site.create(id=site_id, code=f"site-{site_id}", name=f"商场 {site_id}")
    return People(ctx, clock)


async def outcome_of(work: Awaitable[Any]) -> Any:
    """Return the result, or the error instead of raising it: for many attempts at once."""
    try:
        return await work
    except Exception as error:
        return error


def types_of(results: Iterable[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in results:
        counts[type(one).__name__] = counts.get(type(one).__name__, 0) + 1
    return counts

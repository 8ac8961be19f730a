"""The demonstration's start page: its buttons reach the actions and say what happened."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from simulator.loopback import LoopbackServer
from simulator.start_page import DemoGateway, DemoRefused, DemoShop, StartPage
from tests.pages.conftest import Picture, find_barriers

pytestmark = pytest.mark.asyncio(loop_scope="package")


@dataclass
class NotedActions:
    """Actions that note what they were asked for."""

    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def shops(self) -> list[DemoShop]:
        names = (("A101", "云裳饰品", "商户001"), ("A102", "阿杏钟表", "商户002"))
        return [DemoShop(code=code, name=name, person=person, account_id="1") for code, name, person in names]

    async def gateways(self) -> list[DemoGateway]:
        return [DemoGateway(code="G1", name="A区通讯管理机")]

    async def drain(self, shop: str) -> str:
        self.asked.append(("drain", shop))
        return f"{shop} 的余额只够再用几分钟"

    async def overload(self, shop: str, on: bool) -> str:
        self.asked.append(("overload", shop, on))
        raise DemoRefused("这家店已断电，不能过载")

    async def gateway(self, code: str, gone: bool) -> str:
        self.asked.append(("gateway", code, gone))
        if code != "G1":
            raise KeyError(code)
        return "已断网" if gone else "已恢复"

    async def pay(self, shop: str, fen: int) -> str:
        self.asked.append(("pay", shop, fen))
        raise httpx.ConnectError("nobody")

    async def scan(self, shop: str) -> str:
        self.asked.append(("scan", shop))
        return f"{shop} 的店主扫码付了 500.00 元"


@dataclass
class Start:
    url: str
    actions: NotedActions


@pytest_asyncio.fixture(loop_scope="package")
async def start() -> AsyncIterator[Start]:
    actions = NotedActions()
    server = await LoopbackServer.start(StartPage(actions, private_port=8001, public_port=8000))
    yield Start(server.url, actions)
    await server.close()


async def test_each_role_has_its_own_address(page: Page, start: Start, picture: Picture) -> None:
    await page.goto(start.url)

    await expect(page.locator("#roles a")).to_have_count(5)
    address = "http://cashier.localhost:8001/?role=cashier"
    await expect(page.locator("#roles a", has_text="收银员")).to_have_attribute("href", address)
    assert await find_barriers(page) == []
    for width, height in ((1366, 768), (1920, 1080), (375, 812)):
        await picture("start", width, height)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_phone_of_the_chosen_shop_is_linked(page: Page, start: Start) -> None:
    await page.goto(start.url)
    await page.select_option("#shop", "A102")

    address = "http://localhost:8000/demo/phone?name=%E5%95%86%E6%88%B7002"
    await expect(page.locator("#phone-link")).to_have_attribute("href", address)


async def test_a_button_does_its_act_and_says_what_happened(page: Page, start: Start) -> None:
    await page.goto(start.url)
    await page.select_option("#shop", "A102")
    await page.locator("[data-act=drain]").click()
    await page.locator("[data-act=cut]").click()

    await expect(page.locator("#log li")).to_contain_text(["已断网", "A102 的余额只够再用几分钟"])
    assert start.actions.asked == [("drain", "A102"), ("gateway", "G1", True)]


async def test_what_cannot_be_done_is_said_too(page: Page, start: Start) -> None:
    await page.goto(start.url)
    await page.locator("[data-act=overload]").click()
    await page.locator("[data-act=pay]").click()

    await expect(page.locator("#log .trouble")).to_contain_text(["没有应答", "这家店已断电，不能过载"])


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "text/plain"}, b'{"code":"G1","gone":true}', 415),
        ({"Content-Type": "application/json", "Host": "evil.example"}, b'{"code":"G1","gone":true}', 403),
        ({"Content-Type": "application/json"}, b'{"code":"G1"}', 422),
        ({"Content-Type": "application/json"}, b'{"code":"G9","gone":true}', 404),
    ],
)
async def test_another_sites_page_and_nonsense_are_refused(
    start: Start, headers: dict[str, str], content: bytes, status: int
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{start.url}/gateway", headers=headers, content=content)

    assert answer.status_code == status
    assert answer.json()["sentence"]

"""Every screen and every role: what opens, what is refused, what is shown, and that it is sound.

What a role may do comes from the server alone: the seeded roles and the operations' own rights.
"""

import re
from collections import defaultdict

import httpx
import pytest
from playwright.async_api import Page, expect

from backend.models.ledger import Entry
from backend.models.openings import AccountOpening
from backend.models.people import Staff
from backend.models.tariffs import Tariff
from backend.permission_matrix import may
from backend.routing import Operation, load_handlers
from backend.services.permissions import STAFF_PERMISSIONS
from backend.services.practice_shop import make_practice_shop
from tests.admin.conftest import Picture, SignIn, find_barriers
from tests.admin.lived import as_role, live_a_little, shop_code
from tests.admin.sweep import LOOKERS, MENU, RIGHTS, Screen, Traffic, go, menu_paths, screens_of
from tests.pages.stage import ROLES, OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")

SHOP = 60
LEAST_SCREENS = 40  # A sweep over nothing finds nothing.


async def examples(stage: OnStage) -> dict[str, str]:
    """Something to show for each parameter of an address."""
    await make_practice_shop(await as_role(stage, "manager"))
    account_id = await live_a_little(stage, SHOP)
    meter = await stage.meter(await shop_code(stage, SHOP))
    await begin_with_a_sheet(stage, int(account_id))
    entry = await Entry.filter(kind="TOP_UP").order_by("-id").first()
    tariff = await Tariff.all().first()
    assert entry is not None and tariff is not None
    ids = {"accountId": account_id, "meterId": meter.id, "entryId": entry.id, "tariffId": tariff.id}
    return {name: str(number) for name, number in ids.items()}


async def begin_with_a_sheet(stage: OnStage, account_id: int) -> None:
    """Accounts of the site file have no sheet of their opening; give this one such a beginning."""
    if not await AccountOpening.exists(account_id=account_id):
        await AccountOpening.create(
            id=stage.ctx.ids.new(),
            site_id=stage.collector.site_id,
            account_id=account_id,
            request_id=f"sweep-{account_id}",
            digest="x",
            opened_by=(await Staff.get(username="cashier")).id,
            opened_at=stage.clock.now(),
            meters="[]",
        )


async def permissions_on(page: Page) -> set[str]:
    found: list[str] = await page.locator("[data-permission]").evaluate_all(
        "all => all.map(one => one.dataset.permission)"
    )
    return set(found)


async def test_each_role_sees_what_the_servers_rights_say_and_no_more(
    page: Page, stage: OnStage, sign_in: SignIn
) -> None:
    ids = await examples(stage)
    traffic = Traffic.of(page)
    problems: list[str] = []
    shown: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for role in ROLES:
        await page.context.clear_cookies()
        await sign_in(page, role)
        screens = await screens_of(page)
        assert len(screens) >= LEAST_SCREENS
        problems += await wrong_menu(page, role, screens)
        for screen in screens:
            traffic.take_bad()
            await go(page, screen.address(ids))
            if screen.opens_for(role):
                await traffic.quiet()
                bad = traffic.take_bad()
                problems += [f"{role} {screen.path}: {one}" for one in [*bad, *await errors_on(page)]]
                shown[screen.path][role] = await permissions_on(page)
            else:
                problems += await wrong_refusal(page, role, screen)
    problems += wrong_buttons(shown)
    assert problems == [], "\n".join(problems)


async def wrong_menu(page: Page, role: str, screens: list[Screen]) -> list[str]:
    """Compare the menu with the entries whose screen this role's rights open."""
    entries: list[str] = await page.locator("[data-menu]").evaluate_all(
        "all => all.map(one => one.dataset.menu)"
    )
    there = {one.path: one for one in screens}
    wanted = [path for path in menu_paths() if path in there and there[path].opens_for(role)]
    return [] if entries == wanted else [f"{role}: menu {entries} instead of {wanted}"]


async def errors_on(page: Page) -> list[str]:
    headings = page.get_by_role("heading", name=re.compile("^(无权限|没有这个页面)$"))
    alerts = page.locator(".note[role=alert]:visible")
    found = [*await headings.all_inner_texts(), *await alerts.all_inner_texts()]
    if not await page.locator("main").count():
        found.append("no main")
    return found


async def wrong_refusal(page: Page, role: str, screen: Screen) -> list[str]:
    wanted = " 或 ".join(STAFF_PERMISSIONS[one] for one in screen.needs)
    box = page.locator(".no-right")
    await expect(box).to_contain_text(wanted)
    shown = [one for one in await page.locator("main").all_inner_texts() if "返回工作台" in one]
    return [] if len(shown) == 1 else [f"{role} {screen.path}: more than the refusal is shown"]


def wrong_buttons(shown: dict[str, dict[str, set[str]]]) -> list[str]:
    """What a screen has for one role, it has for each that holds the right, and for nobody else."""
    problems = []
    for path, by_role in shown.items():
        everything = set().union(*by_role.values())
        for role, seen in by_role.items():
            if seen != (wanted := everything & RIGHTS[role]):
                problems.append(f"{role} {path}: buttons {sorted(seen)} instead of {sorted(wanted)}")
    return problems


@pytest.mark.parametrize("looker", LOOKERS)
async def test_every_screen_keeps_nobody_out(
    page: Page, stage: OnStage, sign_in: SignIn, picture: Picture, looker: str
) -> None:
    """Each screen once, by the first role that may open it: axe, and a picture in both sizes."""
    ids = await examples(stage)
    traffic = Traffic.of(page)
    problems: list[str] = []
    await sign_in(page, looker)
    for screen in await screens_of(page):
        if screen.looker != looker:
            continue
        await go(page, screen.address(ids))
        await traffic.quiet()
        await expect(page.locator(".el-skeleton")).to_have_count(0)
        await picture(f"all-{screen.name}", 1920, 1080)
        await picture(f"all-{screen.name}", 1366, 768)
        problems += [f"{screen.path}: {one}" for one in await find_barriers(page)]
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        problems += [f"{screen.path}: wider than 1366"] if wide else []
    assert problems == [], "\n".join(problems)


def hidden_operations(role: str) -> list[Operation]:
    """Every write of the staff that this role has no right to: what its pages have no button for."""
    return [
        one
        for one in load_handlers()
        if one.permission.startswith("staff.") and one.method != "GET" and not may(one, RIGHTS[role])
    ]


@pytest.mark.parametrize("role", ROLES)
async def test_the_server_refuses_what_no_button_offers(stage: OnStage, role: str) -> None:
    """Past the pages, with the role's own session and token: no right, whatever is sent."""
    base = f"http://127.0.0.1:{stage.private_port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=15) as client:
        entered = await client.post("/api/v1/staff/demo-sessions", json={"role": role})
        token = {"X-CSRF-Token": entered.json()["csrf_token"]}
        hidden = hidden_operations(role)
        answers = {}
        for one in hidden:
            path = re.sub(r"\{\w+\}", "1", one.path)
            answer = await client.request(one.method, path, json={}, headers=token)
            answers[one.name] = (answer.status_code, answer.json()["code"])

    assert len(hidden) >= 3
    assert {name: one for name, one in answers.items() if one != (403, "forbidden")} == {}


async def test_the_pages_call_each_right_as_the_server_does() -> None:
    text = MENU.with_name("rights.ts").read_text(encoding="utf-8")

    assert dict(re.findall(r"'(staff\.[\w.]+)': '([^']+)'", text)) == dict(STAFF_PERMISSIONS)

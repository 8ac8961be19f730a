"""What a sweep over all screens needs: the router's routes, addresses for them, and when a page is quiet."""

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Request, Response

from backend.services.permissions import SEEDED_ROLES

MENU = Path(__file__).parents[2] / "admin/src/frame/menu.ts"
RIGHTS = {role.code: frozenset(role.permissions) for role in SEEDED_ROLES}
# Who looks at a screen for all: the first of them that may open it.
LOOKERS = ("manager", "cashier", "finance", "electrician", "administrator")
STREAMS = ("/board/stream", "/stream")
QUIET_S, WAITS_S = 0.05, 8.0

_ROUTES = """() => document.querySelector('#app').__vue_app__.config.globalProperties.$router.getRoutes()
  .map(({ path, meta }) => ({ path, needs: [meta.permission ?? []].flat(), open: !!meta.open }))"""
_PUSH = "to => document.querySelector('#app').__vue_app__.config.globalProperties.$router.push(to)"


@dataclass(frozen=True)
class Screen:
    """One route. needs: any one of these rights opens it; none: everybody's."""

    path: str
    needs: tuple[str, ...]

    @property
    def name(self) -> str:
        return re.sub(r"[^a-z]+", "-", re.sub(r":\w+", "one", self.path)).strip("-") or "home"

    def opens_for(self, role: str) -> bool:
        return not self.needs or bool(RIGHTS[role].intersection(self.needs))

    @property
    def looker(self) -> str:
        return next(role for role in LOOKERS if self.opens_for(role))

    def address(self, ids: dict[str, str]) -> str:
        """Fill in what the path names. A new parameter has to be given an example by its test."""
        return re.sub(r":(\w+)", lambda one: ids[one[1]], self.path)


async def screens_of(page: Page) -> list[Screen]:
    """Ask the router itself for what a person who is signed in may come to."""
    found: list[dict[str, Any]] = await page.evaluate(_ROUTES)
    return [
        Screen(one["path"], tuple(one["needs"]))
        for one in sorted(found, key=lambda one: str(one["path"]))
        if not one["open"] and one["path"] != "/no-right" and "(" not in one["path"]
    ]


async def go(page: Page, address: str) -> None:
    await page.evaluate(_PUSH, address)


def menu_paths() -> list[str]:
    return re.findall(r"path: '([^']+)'", MENU.read_text(encoding="utf-8"))


@dataclass
class Traffic:
    """The page's own calls: how many are under way, and which were refused or failed."""

    open: set[Request] = field(default_factory=set)
    bad: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> "Traffic":
        traffic = cls()
        page.on("request", traffic._begin)
        page.on("requestfinished", traffic._end)
        page.on("requestfailed", traffic._end)
        page.on("response", traffic._answer)
        return traffic

    def _begin(self, request: Request) -> None:
        if not any(one in request.url for one in STREAMS):
            self.open.add(request)

    def _end(self, request: Request) -> None:
        self.open.discard(request)

    def _answer(self, response: Response) -> None:
        self._end(response.request)  # An answer whose text nobody reads never "finishes".
        if response.status >= 400:
            self.bad.append(f"{response.status} {response.request.method} {response.url}")

    def take_bad(self) -> list[str]:
        bad, self.bad = self.bad, []
        return bad

    async def quiet(self) -> None:
        """Wait until nothing was under way for a moment, twice in a row."""
        calm = 0
        for _ in range(round(WAITS_S / QUIET_S)):
            await asyncio.sleep(QUIET_S)
            calm = 0 if self.open else calm + 1
            if calm >= 2:
                break
        else:
            raise AssertionError(f"still waiting for {[one.url for one in self.open]}")

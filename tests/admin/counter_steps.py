"""What tests of the counter share: a shop of their own, its money, and the keys of a cashier."""

import re
from dataclasses import dataclass

from playwright.async_api import Page, expect

from backend.models.accounts import Account
from backend.models.ledger import Entry
from backend.models.receipts import Receipt
from backend.models.site import Shop
from backend.models.supply import ArrearsEpisode
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account
from backend.store import unit_of_work
from common.wire import Relay
from tests.pages.stage import OnStage


@dataclass(frozen=True)
class Till:
    """One shop that a test sells to."""

    shop: Shop
    account_id: int

    async def settled_fen(self) -> int:
        return int((await Account.get(id=self.account_id)).settled_fen)

    async def entries(self) -> list[Entry]:
        """Counter entries of this shop, oldest first."""
        ids = [row.entry_id for row in await Receipt.filter(account_id=self.account_id)]
        return await Entry.filter(id__in=ids, cause__startswith="counter:").order_by("id")


async def till_for(stage: OnStage, number: int) -> Till:
    """Take a shop, counted from the end: no two tests share one, and those with phones come first."""
    shop = (await Shop.all().order_by("-code"))[number]
    return Till(shop, (await Account.get(shop_id=shop.id)).id)


async def cut_off(stage: OnStage, till: Till) -> None:
    """Let the shop run out, be warned, and be switched off, verified."""
    code, account = till.shop.code, await Account.get(id=till.account_id)
    await stage.read_shop(code)
    await Account.filter(id=account.id).update(overdraft_fen=-account.settled_fen)  # Any use is too much.
    stage.clock.advance(600)
    await stage.read_shop(code, used_wh=100)

    async def prove() -> None:
        now = stage.clock.now()
        await ArrearsEpisode.filter(account_id=account.id, ended_at=None).update(proof_at=now, proof="sms:1")
        await decide_account(stage.ctx, await lock_account(account.id), "proof")

    await unit_of_work(prove)
    stage.clock.advance(61)
    await stage.read_shop(code)
    stage.clock.advance(6)
    await stage.read_shop(code)
    assert (await stage.supply(code)).desired is Relay.OFF
    await stage.converge(code)
    await stage.read_shop(code, relay=Relay.OFF)
    await Account.filter(id=account.id).update(overdraft_fen=0)


async def choose(page: Page, till: Till) -> None:
    """Find the shop by its number, by keys alone."""
    await expect(page.locator("[data-counter-search]")).to_be_focused()
    await page.keyboard.type(till.shop.code)
    await page.keyboard.press("Enter")
    await expect(page.locator("section.shop")).to_contain_text(till.shop.code)
    await expect(page.locator("input[name=amount]")).to_be_focused()


def boxes(pdf: bytes) -> list[tuple[float, float]]:
    """Width and height of each page in points."""
    found = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", pdf)
    return [(float(width), float(height)) for width, height in found]

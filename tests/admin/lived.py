"""A shop with a history on the stage: paid, used, charged, and used again since."""

from dataclasses import replace
from datetime import date

from backend.context import Caller, CallerKind, Context
from backend.models.accounts import Account
from backend.models.people import Staff
from backend.models.site import Shop
from backend.services.cut_day import cut_day
from backend.store import rows
from common.clock import local
from tests.pages.stage import OnStage


async def shop_code(stage: OnStage, number: int) -> str:
    """The number-th shop of the stage, by shop number."""
    found = await rows(
        "SELECT s.code FROM shop s JOIN account a ON a.shop_id = s.id WHERE a.site_id = ? ORDER BY s.code",
        [stage.collector.site_id],
    )
    return str(found[number]["code"])


async def account_of(code: str) -> Account:
    return await Account.get(shop_id=(await Shop.get(code=code)).id)


async def live_a_little(stage: OnStage, number: int = 20) -> str:
    """Let a shop pay 300 yuan, use 3 kWh that are charged and 1 kWh that is not; return its account's id."""
    code = await shop_code(stage, number)
    account = await account_of(code)
    await stage.pay(account, 30_000)
    await stage.read_shop(code)
    for used_wh in (1_000, 2_000):
        stage.clock.advance(900)
        await stage.read_shop(code, used_wh)
    await cut_day(stage.ctx, stage.collector.site_id, today(stage))
    stage.clock.advance(900)
    await stage.read_shop(code, 1_000)
    return str(account.id)


async def as_role(stage: OnStage, role: str) -> Context:
    """The context of a role's person, past the browser."""
    person = await Staff.get(username=role)
    return replace(stage.ctx, caller=Caller(CallerKind.STAFF, person.id, person.site_id, name=person.name))


def today(stage: OnStage) -> date:
    return local(stage.clock.now()).date()


async def posted_fen(account_id: str) -> int:
    (row,) = await rows(
        "SELECT SUM(amount_fen) AS fen FROM posting WHERE ledger_account = ?", [f"balance:{account_id}"]
    )
    return int(row["fen"])


def yuan(fen: int) -> str:
    """Fen as the pages print them."""
    return f"{'-' if fen < 0 else ''}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"

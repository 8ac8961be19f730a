"""Bring a demo shop's balance near its next threshold (演示放电): refused outside demo and story.

Only money moves, by an entry of its own kind; real consumption then crosses the threshold.
"""

from backend.context import Context
from backend.domain.ledger import demo_drain_entry
from backend.errors import NotFound, Refused
from backend.models.site import Site
from backend.services.books import book
from backend.services.locks import lock_account, lock_states
from backend.services.supply_facts import estimated_of
from backend.services.work import wake
from backend.store import unit_of_work
from common.units import Fen

ABOVE_FEN = 20  # What is left above the threshold for real consumption.


class NoDemo(Refused):
    code = "no_demo"
    message = "只有演示站点可以这样操作"


class NothingToDrain(Refused):
    code = "nothing_to_drain"
    message = "该商铺的余额已接近或低于最后一档，等待实际用电即可"


async def drain(ctx: Context, account_id: int) -> Fen:
    """Take money off until 0.20 yuan above the next threshold and return what is left.

    Errors: NoDemo, NotFound, NothingToDrain.
    """
    if not ctx.settings.demo:
        raise NoDemo()
    return await unit_of_work(lambda: _drain(ctx, account_id), "demo_drain")


async def _drain(ctx: Context, account_id: int) -> Fen:
    account = await lock_account(account_id)
    site = await Site.get(id=account.site_id)
    if not site.demo:
        raise NoDemo()
    estimated = estimated_of(account, await lock_states(account_id))
    if estimated is None:
        raise NotFound()
    marks = (account.low_fen, account.critical_fen, -account.overdraft_fen)
    target = next((mark + ABOVE_FEN for mark in marks if estimated > mark + ABOVE_FEN), None)
    if target is None:
        raise NothingToDrain()
    draft = demo_drain_entry(
        account_id=account.id,
        amount_fen=Fen(estimated - target),
        cause=f"demo:{ctx.ids.text()}",
        booked_at=ctx.clock.now(),
    )
    await book(ctx, account.site_id, draft, [account])
    wake(ctx, f"live:{account.site_id}")
    return Fen(target)

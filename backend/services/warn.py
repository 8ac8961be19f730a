"""Warn a shop (余额预警): remember which level was told, and queue the notice. Inside a unit of work.

A notice is a row with a cause, so that it is made once; the job `send_notice` brings it to people.
"""

from datetime import datetime

import msgspec

from backend.context import Context
from backend.domain.balances import days_left
from backend.domain.warnings import Level, Thresholds, crossing
from backend.messages.port import NoticeLevel
from backend.models.accounts import Account
from backend.models.messages import Notice
from backend.models.supply import ArrearsEpisode
from backend.services.work import send_notice
from common.units import Fen, Nanoyuan


async def warn_account(
    ctx: Context, account: Account, estimated_fen: Fen | None, read_at: datetime | None, now: datetime
) -> None:
    """Tell a level that was crossed downwards, once; arm levels again when the balance is well above."""
    if estimated_fen is None:
        return
    mean = None if account.mean_daily_nano is None else Nanoyuan(account.mean_daily_nano)
    days = days_left(estimated_fen, Fen(account.overdraft_fen), mean, read_at, now)
    limits = Thresholds(
        low_fen=Fen(account.low_fen),
        low_days=account.low_days,
        critical_fen=Fen(account.critical_fen),
        critical_days=account.critical_days,
    )
    step = crossing(Level(account.level), estimated_fen, days, limits, in_arrears=account.in_arrears)
    if step.level != account.level:
        account.level = int(step.level)
        await account.save(update_fields=["level"])
    if step.tell in {Level.LOW, Level.CRITICAL}:
        # One message per level and crossing: the number of ledger entries tells crossings apart.
        cause = f"{step.tell.name}:{account.id}:{account.chain_count}:{now.timestamp():.0f}"
        await make_notice(ctx, account, NoticeLevel(step.tell.name), cause, estimated_fen, days)


async def tell_last(
    ctx: Context, account: Account, episode: ArrearsEpisode, estimated_fen: Fen | None
) -> None:
    """Send the last warning of an arrears episode, on all channels at once (最后预警)."""
    episode.warned_at = ctx.clock.now()
    await episode.save(update_fields=["warned_at"])
    await make_notice(
        ctx, account, NoticeLevel.LAST, f"LAST:{episode.id}", estimated_fen, None, episode_id=episode.id
    )


async def make_notice(
    ctx: Context,
    account: Account,
    level: NoticeLevel,
    cause: str,
    estimated_fen: Fen | None,
    days: float | None,
    *,
    episode_id: int | None = None,
) -> None:
    """Queue one notice for an account's people; the same cause again does nothing."""
    if await Notice.exists(cause=cause):
        return
    facts = {"estimated_fen": estimated_fen, "days_left": days}
    notice = await Notice.create(
        id=ctx.ids.new(),
        site_id=account.site_id,
        account_id=account.id,
        episode_id=episode_id,
        level=level.value,
        cause=cause,
        made_at=ctx.clock.now(),
        facts=msgspec.json.encode(facts).decode(),
    )
    await send_notice(ctx, notice.id)

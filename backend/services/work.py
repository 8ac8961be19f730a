"""Work that a transaction wants done after it (作业): one function a kind. The jobs are in backend/jobs/."""

from datetime import datetime, timedelta

from msgspec import Struct

from backend.context import Context
from backend.messages.port import Receipt
from backend.outbox import add_work
from backend.store import after_commit

QUERY_PAYMENT = "query_payment"
CHECK_SUPPLY = "check_supply"
CHECK_POWER = "check_power"
WATCH_RESTORE = "watch_restore"
SEND_NOTICE = "send_notice"
REVIEW_KEEP_SUPPLY = "review_keep_supply"
TELL_KEEP_SUPPLY_END = "tell_keep_supply_end"
CHECK_EMERGENCY_REASON = "check_emergency_reason"
MATCH_RECEIPT = "match_receipt"
LOOK_AT_FAULTS = "look_at_faults"
APPLY_POLICY = "apply_policy"
MAKE_EXPORT = "make_export"
_FIRST_MATCH = timedelta(seconds=2)


class TopUpWork(Struct):
    top_up_id: int


class AccountWork(Struct):
    account_id: int


class MeterWork(Struct):
    meter_id: int


class OrderWork(Struct):
    meter_id: int
    generation: int


class NoticeWork(Struct):
    notice_id: int


class KeepSupplyWork(Struct):
    keep_supply_id: int


class OffReasonWork(Struct):
    off_reason_id: int


class SiteWork(Struct):
    site_id: int


class ExportWork(Struct):
    export_id: int


class ReceiptWork(Struct):
    receipt: Receipt
    kept_at: datetime


def wake(ctx: Context, topic: str) -> None:
    """Wake a topic's waiters once the running unit of work is committed."""
    after_commit(lambda: ctx.wakes.wake(topic))


async def query_payment(ctx: Context, top_up_id: int, due_at: datetime) -> None:
    """Ask the channel about an order no later than `due_at`; several wishes are one."""
    await add_work(
        ctx, QUERY_PAYMENT, TopUpWork(top_up_id), key=f"{QUERY_PAYMENT}:{top_up_id}", due_at=due_at
    )


async def check_supply(ctx: Context, account_id: int, due_at: datetime) -> None:
    """Decide an account's supply again when time alone may change the answer."""
    await add_work(
        ctx, CHECK_SUPPLY, AccountWork(account_id), key=f"{CHECK_SUPPLY}:{account_id}", due_at=due_at
    )


async def check_power(ctx: Context, meter_id: int, due_at: datetime) -> None:
    """Look at a meter's power limit again when time alone may change something."""
    await add_work(ctx, CHECK_POWER, MeterWork(meter_id), key=f"{CHECK_POWER}:{meter_id}", due_at=due_at)


async def watch_restore(ctx: Context, meter_id: int, generation: int, wait: timedelta) -> None:
    key = f"{WATCH_RESTORE}:{meter_id}:{generation}"
    work = OrderWork(meter_id, generation)
    await add_work(ctx, WATCH_RESTORE, work, key=key, due_at=ctx.clock.now() + wait)


async def send_notice(ctx: Context, notice_id: int) -> None:
    await add_work(ctx, SEND_NOTICE, NoticeWork(notice_id), key=f"{SEND_NOTICE}:{notice_id}")


async def keep_receipt(ctx: Context, receipt: Receipt) -> None:
    """Keep a receipt whose message is not known yet; the same one again is kept once."""
    now = ctx.clock.now()
    key = f"{MATCH_RECEIPT}:{receipt.channel.value}:{receipt.provider_id}"[:128]
    await add_work(ctx, MATCH_RECEIPT, ReceiptWork(receipt, now), key=key, due_at=now + _FIRST_MATCH)


async def review_keep_supply(ctx: Context, keep_supply_id: int, due_at: datetime) -> None:
    work = KeepSupplyWork(keep_supply_id)
    await add_work(ctx, REVIEW_KEEP_SUPPLY, work, key=f"{REVIEW_KEEP_SUPPLY}:{keep_supply_id}", due_at=due_at)


async def tell_keep_supply_end(ctx: Context, keep_supply_id: int, due_at: datetime) -> None:
    """Tell people ahead that a keep-supply ends; a later wish moves the time."""
    work = KeepSupplyWork(keep_supply_id)
    key = f"{TELL_KEEP_SUPPLY_END}:{keep_supply_id}"
    await add_work(ctx, TELL_KEEP_SUPPLY_END, work, key=key, due_at=due_at)


async def check_emergency_reason(ctx: Context, off_reason_id: int, due_at: datetime) -> None:
    """See whether an emergency trip was explained in time."""
    key = f"{CHECK_EMERGENCY_REASON}:{off_reason_id}"
    await add_work(ctx, CHECK_EMERGENCY_REASON, OffReasonWork(off_reason_id), key=key, due_at=due_at)


async def look_at_faults(ctx: Context, site_id: int, due_at: datetime) -> None:
    """Look at a site's faults when time alone may make an alarm of them."""
    await add_work(ctx, LOOK_AT_FAULTS, SiteWork(site_id), key=f"{LOOK_AT_FAULTS}:{site_id}", due_at=due_at)


async def apply_policy(ctx: Context, site_id: int) -> None:
    """Let a site's accounts follow its policy; a change while that runs makes it run again."""
    await add_work(ctx, APPLY_POLICY, SiteWork(site_id), key=f"{APPLY_POLICY}:{site_id}")


async def make_export(ctx: Context, export_id: int) -> None:
    await add_work(ctx, MAKE_EXPORT, ExportWork(export_id), key=f"{MAKE_EXPORT}:{export_id}")

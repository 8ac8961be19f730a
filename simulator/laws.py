"""The laws of the trade, checked on a running mall (铁律检查). It reads what the product wrote, and judges
with rules of its own: none of the product's decisions is asked."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from backend.store import rows, some_utc, utc
from common.clock import LOCAL_ZONE
from simulator.whole import WholeMall

PAYMENT_MAY_TAKE = timedelta(minutes=12)
ORDER_MAY_TAKE = timedelta(minutes=10)


IsFaulty = Callable[[str, datetime, datetime], bool]


def _nothing_is(serial: str, from_at: datetime, to_at: datetime) -> bool:
    return False


async def broken_laws(whole: WholeMall, is_faulty: IsFaulty = _nothing_is) -> list[str]:
    """Return what is against a law at this moment, in Chinese; an empty list when nothing is.

    is_faulty: whether a fault was planted that a meter (by serial) met between two instants.
    """
    return [
        *await _sums(),
        *await _balances(),
        *await _payments(whole),
        *await _trips(whole),
        *await _endings(whole, is_faulty),
        *await _registers(whole),
    ]


async def _sums() -> list[str]:
    found = await rows(
        "SELECT entry_id, SUM(amount_fen) AS s FROM posting GROUP BY entry_id HAVING SUM(amount_fen) <> 0"
    )
    return [f"凭证 {row['entry_id']} 合计 {row['s']} 分" for row in found]


async def _balances() -> list[str]:
    posted = {
        row["ledger_account"]: int(row["s"])
        for row in await rows(
            "SELECT ledger_account, SUM(amount_fen) AS s FROM posting GROUP BY ledger_account"
        )
    }
    return [
        f"户 {row['id']} 余额不等于分录合计"
        for row in await rows("SELECT id, settled_fen FROM account")
        if int(row["settled_fen"]) != posted.get(f"balance:{row['id']}", 0)
    ]


async def _payments(whole: WholeMall) -> list[str]:
    """Each payment books once, to the fen, and soon."""
    now = whole.clock.now()
    booked: dict[str, list[int]] = {}
    for row in await rows(
        "SELECT e.cause, p.amount_fen FROM entry e JOIN posting p ON p.entry_id = e.id"
        " WHERE e.kind = 'TOP_UP' AND p.amount_fen > 0"
    ):
        booked.setdefault(row["cause"].removeprefix("wechat:"), []).append(int(row["amount_fen"]))
    broken = []
    for order in whole.world.pay.paid_orders():
        found = booked.pop(order.transaction_id, [])
        if found == [order.amount_fen]:
            continue
        if found or now - order.paid_at > PAYMENT_MAY_TAKE:
            broken.append(f"付款 {order.transaction_id} 入账 {found}，应为 {order.amount_fen}")
    return broken + [f"入账 {number} 在支付平台没有对应付款" for number in booked]


async def _trips(whole: WholeMall) -> list[str]:
    """No arrears trip in a window, unarmed, under keep-supply, or without a delivered warning and delay."""
    broken = []
    for row in await rows(
        "SELECT o.*, a.armed FROM supply_order o JOIN account a ON a.id = o.account_id"
        " WHERE o.relay = 'OFF' AND o.reasons LIKE ?",
        ['%"arrears"%'],
    ):
        broken += await _judge_trip(row, some_utc(row["ordered_at"]))
    return broken


async def _judge_trip(row: dict[str, Any], at: datetime) -> list[str]:
    what = f"表 {row['meter_id']} {at.astimezone(LOCAL_ZONE):%m-%d %H:%M} 断电"
    here = at.astimezone(LOCAL_ZONE)
    minute = here.hour * 60 + here.minute
    broken = []
    if here.weekday() >= 5 or minute >= 18 * 60 or minute < 9 * 60 + 30:
        broken.append(f"{what}：在不断电时段内")
    if not row["armed"]:
        broken.append(f"{what}：未启用自动断电")
    delivered = [
        utc(item["receipt_at"])
        for item in await rows(
            "SELECT d.receipt_at FROM delivery d JOIN notice n ON n.id = d.notice_id"
            " WHERE n.account_id = ? AND n.level = 'LAST' AND d.state = 'delivered'",
            [row["account_id"]],
        )
    ]
    # The receipt's own time is whole seconds; the delay counts from when we had it.
    if not any(when is not None and when + timedelta(seconds=1_799) <= at for when in delivered):
        broken.append(f"{what}：最后预警送达后不足 30 分钟")
    at_ms = int(at.timestamp() * 1000) + 1  # Readings are kept in whole milliseconds, rounded.
    readings = await rows(
        "SELECT read_at_ms FROM reading WHERE meter_id = ? AND verdict = 'accepted' AND read_at_ms <= ?"
        " ORDER BY read_at_ms DESC LIMIT 2",
        [row["meter_id"], at_ms],
    )
    if len(readings) < 2 or at_ms - readings[0]["read_at_ms"] > 120_000:
        broken.append(f"{what}：没有两分钟内的抄表")
    kept = await rows(
        "SELECT effective_at, until_at, released_at FROM keep_supply WHERE account_id = ?"
        " AND effective_at IS NOT NULL",
        [row["account_id"]],
    )
    for item in kept:
        until = min(some_utc(item["until_at"]), utc(item["released_at"]) or some_utc(item["until_at"]))
        if some_utc(item["effective_at"]) <= at < until:
            broken.append(f"{what}：保电期间")
    return broken


async def _endings(whole: WholeMall, is_faulty: IsFaulty) -> list[str]:
    """An order ends; a paid shop is not off longer than a fault can explain."""
    now = whole.clock.now()
    return [
        f"表 {row['meter_id']} 的{row['relay']}指令超过 10 分钟没有结束"
        for row in await rows(
            "SELECT o.meter_id, o.relay, o.ordered_at, m.serial FROM supply_order o"
            " JOIN meter m ON m.id = o.meter_id WHERE o.ended_at IS NULL"
        )
        if now - some_utc(row["ordered_at"]) > ORDER_MAY_TAKE
        and not is_faulty(row["serial"], now - ORDER_MAY_TAKE, now)
    ]


async def _registers(whole: WholeMall) -> list[str]:
    """What was accepted is what the meters counted, and no shop is off without an order."""
    broken = []
    for row in await rows(
        "SELECT m.serial, s.register_wh, s.read_at, u.desired, u.generation, u.verified_generation"
        " FROM meter_state s JOIN meter m ON m.id = s.meter_id LEFT JOIN supply u ON u.meter_id = m.id"
    ):
        if row["read_at"] is None:
            continue
        total, _ = whole.mall.register_at(row["serial"], some_utc(row["read_at"]))
        if abs(int(total) - int(row["register_wh"])) > 10:
            broken.append(f"表 {row['serial']} 示数 {row['register_wh']} 与实际 {total} 不符")
        if row["desired"] is None or row["generation"] != row["verified_generation"]:
            continue
        truth = whole.mall.truth(row["serial"])
        wanted = row["desired"] == "ON"
        if row["generation"] and truth.relay_closed != wanted:
            broken.append(f"表 {row['serial']} 已确认 {row['desired']}，实际触点相反")
    return broken

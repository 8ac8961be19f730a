"""The proofs' own check of the books finds what it must find."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.models.payments import TopUp
from backend.store import run
from benchmarks.prove_books import Paid, ledger_faults, money_now
from common.units import Fen
from tests.services.mall import SmallMall, small_mall

KEY = b"l" * 32  # The small mall's.
AMOUNT_FEN = Fen(12_345)


@pytest.fixture
async def mall(store: str, tmp_path: Path) -> AsyncIterator[SmallMall]:
    yield await small_mall(tmp_path)


async def _pay(mall: SmallMall) -> Paid:
    booked = await mall.pay(AMOUNT_FEN)
    order = await TopUp.get(order_no=booked.order_no)
    return Paid(order.order_no, order.transaction_id or "", order.amount_fen)


@pytest.mark.mariadb
async def test_a_true_ledger_has_no_faults(mall: SmallMall) -> None:
    assert await ledger_faults([await _pay(mall), await _pay(mall)], KEY) == []


async def test_a_payment_that_was_lost_is_found(mall: SmallMall) -> None:
    lost = Paid("PW1", "4200000001", 100)
    assert await ledger_faults([await _pay(mall), lost], KEY) == ["PW1 is paid and not booked"]


async def test_a_booking_that_nobody_paid_is_found(mall: SmallMall) -> None:
    paid = await _pay(mall)
    assert await ledger_faults([], KEY) == [f"wechat:{paid.transaction_id} is booked and was never paid"]


async def test_a_fen_too_much_is_found(mall: SmallMall) -> None:
    paid = await _pay(mall)
    (fault,) = await ledger_faults([replace(paid, amount_fen=AMOUNT_FEN - 1)], KEY)
    assert fault.startswith(f"wechat:{paid.transaction_id}: ('{paid.order_no}', {AMOUNT_FEN}) in the ledger")


async def test_a_balance_that_was_edited_is_found(mall: SmallMall) -> None:
    paid = await _pay(mall)
    await run("UPDATE account SET settled_fen = settled_fen + 1 WHERE settled_fen > 0")
    (fault,) = await ledger_faults([paid], KEY)
    assert "余额" in fault


async def test_a_booking_changes_the_money(mall: SmallMall) -> None:
    before = await money_now()
    await _pay(mall)
    assert set(await money_now()) != set(before)

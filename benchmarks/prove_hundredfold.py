"""One payment delivered a hundred times at once, while it is queried too, books once (百倍投递).

By phone, and by a code that somebody scanned at the till: both end in the one booking function.
"""

from dataclasses import replace

from backend.context import Caller, CallerKind, Context
from backend.models.accounts import Account
from backend.services.native_orders import Scan, order_native
from backend.store import rows
from benchmarks.prove_books import Paid, ledger_faults
from benchmarks.prove_case import Case, Shown
from benchmarks.prove_front import Front, open_front
from simulator.pay_callbacks import Delivery
from simulator.pay_faults import PayFault
from simulator.phones import Shopper

COPIES = 100
AMOUNT_FEN = 12_345


async def prove_hundredfold(case: Case) -> Shown:
    """Deliver at once by HTTP on MariaDB; figures: hundredfold_booked (1) of hundredfold_deliveries.

    hundredfold_scanned_…: the same of an order that was paid by scanning.
    """
    shown = Shown()
    async with open_front(case, "hundredfold", 2, worker=True) as opened:
        front, (person, other) = opened.front, opened.people
        front.world.pay.switches.set(PayFault.CALLBACK_AT_ONCE, value=COPIES)
        order_no = await person.pay(AMOUNT_FEN)
        await person.phone.follow(order_no)  # The worker asks the channel in the same moment.
        await front.world.settle()
        await _show(shown, front, person, order_no, "hundredfold")
        scanned_no = await _scan(opened.ctx, front, other, person.phone.person.openid)
        await front.world.settle()
        await _show(shown, front, other, scanned_no, "hundredfold_scanned")
        paid = [
            Paid(each.out_trade_no, each.transaction_id, each.amount_fen)
            for each in front.world.pay.paid_orders()
        ]
        shown.take(await ledger_faults(paid, front.settings.ledger_key))
    return shown


async def _scan(ctx: Context, front: Front, shop: Shopper, openid: str) -> str:
    """Show a code at the till and let somebody who is not the shop's tenant pay it."""
    cashier = Caller(CallerKind.STAFF, 1, front.site_id, "前台", frozenset({"staff.top_up"}))
    scan = Scan(amount_fen=AMOUNT_FEN, request_id="6f4d0a34-5c0e-4d0e-9d6b-1f6f5f0f0100")
    order = await order_native(replace(ctx, caller=cashier), int(shop.account_id), scan)
    front.world.pay.pay(order.code_url or "", openid)
    return order.order_no


async def _show(shown: Shown, front: Front, shop: Shopper, order_no: str, name: str) -> None:
    """Compare what was delivered of one order with what was booked on its shop."""
    deliveries = [each for each in _deliveries(front, order_no) if each.attempt == 0]
    entries = await rows(
        "SELECT e.id FROM entry e JOIN posting p ON p.entry_id = e.id"
        " WHERE e.kind = 'TOP_UP' AND p.ledger_account = ?",
        [f"balance:{shop.account_id}"],
    )
    account = await Account.get(id=int(shop.account_id))
    taken = sum(each.taken for each in deliveries)
    shown.figures |= {
        f"{name}_deliveries": len(deliveries),
        f"{name}_taken": taken,
        f"{name}_booked": len(entries),
        f"{name}_slowest_s": round(
            max((each.answered_at - each.sent_at).total_seconds() for each in deliveries), 3
        ),
    }
    shown.expect(len(deliveries) == COPIES, f"{len(deliveries)} deliveries, not {COPIES}")
    shown.expect(taken == COPIES, f"only {taken} deliveries were taken: {[e.status for e in deliveries]}")
    shown.expect(len(entries) == 1, f"booked {len(entries)} times")
    shown.expect(account.settled_fen == AMOUNT_FEN, f"the balance is {account.settled_fen} fen")


def _deliveries(front: Front, order_no: str) -> list[Delivery]:
    return [each for each in front.world.pay.callbacks.deliveries if each.out_trade_no == order_no]

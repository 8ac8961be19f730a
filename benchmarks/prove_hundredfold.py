"""One payment delivered a hundred times at once, while it is queried too, books once (百倍投递)."""

from backend.models.accounts import Account
from backend.store import rows
from benchmarks.prove_books import Paid, ledger_faults
from benchmarks.prove_case import Case, Shown
from benchmarks.prove_front import open_front
from simulator.pay_faults import PayFault

COPIES = 100
AMOUNT_FEN = 12_345


async def prove_hundredfold(case: Case) -> Shown:
    """Deliver at once by HTTP on MariaDB; figures: hundredfold_booked (1) of hundredfold_deliveries."""
    shown = Shown()
    async with open_front(case, "hundredfold", 2, worker=True) as opened:
        front, person = opened.front, opened.people[0]
        front.world.pay.switches.set(PayFault.CALLBACK_AT_ONCE, value=COPIES)
        order_no = await person.pay(AMOUNT_FEN)
        await person.phone.follow(order_no)  # The worker asks the channel in the same moment.
        await front.world.settle()
        deliveries = [each for each in front.world.pay.callbacks.deliveries if each.attempt == 0]
        entries = await rows("SELECT id FROM entry WHERE kind = 'TOP_UP'")
        account = await Account.get(id=int(person.account_id))
        paid = [
            Paid(each.out_trade_no, each.transaction_id, each.amount_fen)
            for each in front.world.pay.paid_orders()
        ]
        shown.take(await ledger_faults(paid, front.settings.ledger_key))
    taken = sum(each.taken for each in deliveries)
    shown.figures = {
        "hundredfold_deliveries": len(deliveries),
        "hundredfold_taken": taken,
        "hundredfold_booked": len(entries),
        "hundredfold_slowest_s": round(
            max((each.answered_at - each.sent_at).total_seconds() for each in deliveries), 3
        ),
    }
    shown.expect(len(deliveries) == COPIES, f"{len(deliveries)} deliveries, not {COPIES}")
    shown.expect(taken == COPIES, f"only {taken} deliveries were taken: {[e.status for e in deliveries]}")
    shown.expect(len(entries) == 1, f"booked {len(entries)} times")
    shown.expect(account.settled_fen == AMOUNT_FEN, f"the balance is {account.settled_fen} fen")
    return shown

"""Forged and damaged callbacks book nothing and make nobody call out (伪造回调).

Each is made from a genuine callback of a payment that is really paid and not yet booked, so that one
mistaken check would show as money in the ledger. At the end the genuine ones are delivered and booked.
"""

import asyncio
import random
import re
from collections import Counter

from backend.payments.port import CALLBACK_STATUS, CallbackReason
from benchmarks.prove_books import Paid, ledger_faults, money_now
from benchmarks.prove_case import Case, Shown
from benchmarks.prove_front import Front, open_front
from simulator.forgeries import Forgery, forge
from simulator.keys import NOTIFY_PATH
from simulator.pay_faults import PayFault

FORGERIES, FORGERIES_SHORT = 1_000, 200
SHOPS = 12
AMOUNT_FEN = 20_000
AT_ONCE = 8
_COUNTED = re.compile(r'^prewatt_callback_total\{channel="wechat_pay",outcome="([a-z_]+)"\} ([0-9.]+)', re.M)


async def prove_forged(case: Case) -> Shown:
    """Send all kinds in turn; figures: forged_booked, forged_outgoing and the answers by reason."""
    shown = Shown()
    number = case.pick(FORGERIES, FORGERIES_SHORT)
    async with open_front(case, "forged", SHOPS, worker=False) as opened:
        front = opened.front
        front.world.pay.switches.set(PayFault.CALLBACK_DROPPED)
        orders = [await person.pay(AMOUNT_FEN) for person in opened.people]
        await front.world.pay.background.close()  # The channel's own retries would only be in the way.
        before, knocks, counted = await money_now(), front.knocks, await _counted(front)
        expected, wrong = await _send_forgeries(front, orders, number)
        after = await money_now()
        outgoing = front.knocks - knocks
        refused = {
            reason: count - counted.get(reason, 0) for reason, count in (await _counted(front)).items()
        }
        genuine = [await _deliver(front, *_genuine(front, order_no)) for order_no in orders]
        paid = [
            Paid(each.out_trade_no, each.transaction_id, each.amount_fen)
            for each in front.world.pay.paid_orders()
        ]
        shown.take(await ledger_faults(paid, front.settings.ledger_key))
    changed = len(set(before) ^ set(after))
    shown.figures = {
        "forged": number,
        "forged_kinds": len(Forgery),
        "forged_booked": changed,
        "forged_outgoing": outgoing,
        "forged_by_reason": dict(sorted(expected.items())),
        "forged_genuine_booked": genuine.count(204),
    }
    shown.expect(changed == 0, f"forged callbacks changed {changed} rows")
    shown.expect(outgoing == 0, f"forged callbacks made the product send {outgoing} requests")
    shown.expect(refused == dict(expected), f"counted {refused}, sent {dict(expected)}")
    shown.expect(genuine == [204] * len(orders), f"genuine callbacks were answered {genuine}")
    shown.take(wrong)
    return shown


async def _send_forgeries(front: Front, orders: list[str], number: int) -> tuple[Counter[str], list[str]]:
    """Send `number` forgeries; return how many of each reason, and wrong answers as sentences."""
    rng = random.Random(front.options.seed)
    kinds = list(Forgery)
    gate = asyncio.Semaphore(AT_ONCE)
    expected: Counter[str] = Counter()
    wrong: list[str] = []

    async def send(index: int) -> None:
        kind = kinds[index % len(kinds)]
        async with gate:
            headers, body = _genuine(front, orders[index % len(orders)])
            forged_headers, forged_body, reason = forge(kind, headers, body, front.keys, rng)
            status = await _deliver(front, forged_headers, forged_body)
        expected[reason] += 1
        right = 204 if reason == CallbackReason.OTHER_EVENT else CALLBACK_STATUS[CallbackReason(reason)]
        if status != right:
            wrong.append(f"{kind}: answered {status}, not {right}")

    await asyncio.gather(*(send(index) for index in range(number)))
    return expected, sorted(set(wrong))


def _genuine(front: Front, order_no: str) -> tuple[dict[str, str], bytes]:
    pay = front.world.pay
    return pay.callbacks.callback(pay.book.by_number(order_no))


async def _deliver(front: Front, headers: dict[str, str], body: bytes) -> int:
    answer = await front.outside.post(front.public_url + NOTIFY_PATH, headers=headers, content=body)
    return answer.status_code


async def _counted(front: Front) -> dict[str, int]:
    """Read the product's own count of callbacks by outcome."""
    page = (await front.outside.get(f"{front.private_url}/metrics")).raise_for_status().text
    return {name: round(float(value)) for name, value in _COUNTED.findall(page) if float(value)}

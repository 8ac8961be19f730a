"""Ask the channel what became of an order, and book it when it is paid (查单).

Payments work by this alone when callbacks cannot reach us. Runs again safely: it only asks.
"""

from datetime import timedelta

from backend.context import Context
from backend.errors import ChannelRefused, ChannelUnsure
from backend.jobs.port import Again, Done
from backend.services.reconcile_payments import ask_about, still_open
from backend.services.work import QUERY_PAYMENT, TopUpWork

KIND = QUERY_PAYMENT
Payload = TopUpWork
# Counted from the phone's return, or from the order's begin while the phone has not come back.
PLAN_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
TILL_S = 3.0  # While its order can be paid, a till hears of the money this soon, without any callback.
SWEEP_S = 600.0
WATCH_FOR = timedelta(hours=25)  # A late payment of a closed order is found and booked.


async def run(ctx: Context, payload: Payload) -> Done | Again:
    try:
        found = await ask_about(ctx, payload.top_up_id)
    except (ChannelUnsure, ChannelRefused):
        found = await still_open(payload.top_up_id)
    if found.is_settled:
        return Done()
    now = ctx.clock.now()
    if found.created_at is not None and now - found.created_at > WATCH_FOR:
        return Done()
    if found.is_closed:
        return Again(SWEEP_S)
    wait_s = PLAN_S[min(found.queries, len(PLAN_S) - 1)]
    return Again(min(wait_s, TILL_S) if found.at_the_till else wait_s)

"""Find the message of a receipt that came before the provider's answer (回执匹配).

Runs again safely: a message takes its receipt once. Receipts of messages that are not ours end here.
"""

from datetime import timedelta

from backend.context import Context
from backend.jobs.port import Again, Done, Lane
from backend.services.accept_events import match_receipt
from backend.services.work import MATCH_RECEIPT, ReceiptWork

KIND = MATCH_RECEIPT
LANE = Lane.SLOW
Payload = ReceiptWork
TRY_EVERY_S = 5.0
TRY_FOR = timedelta(minutes=2)  # Longer than any answer of a provider is waited for.


async def run(ctx: Context, payload: ReceiptWork) -> Done | Again:
    if await match_receipt(ctx, payload.receipt):
        return Done()
    return Done() if ctx.clock.now() - payload.kept_at > TRY_FOR else Again(TRY_EVERY_S)

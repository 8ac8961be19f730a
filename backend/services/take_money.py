"""Take money in (收款入账): entry, what depends on it, supply decision, wake-ups; one transaction.

A payment by phone, a code on the customer screen and money on the counter all end here.
"""

from collections.abc import Awaitable, Callable

from backend.context import Context
from backend.domain.ledger import EntryDraft
from backend.models.accounts import Account
from backend.services.books import book
from backend.services.decide_supply import decide_account
from backend.services.work import wake


async def take_money(
    ctx: Context,
    account: Account,
    draft: EntryDraft,
    mark: str,
    remember: Callable[[int], Awaitable[None]],
) -> int:
    """Book a top-up on the locked account and return the entry's id.

    mark: the order or the request; the orders to the meters carry it ("top_up:<mark>") and whoever waits
    for it is woken. remember: writes down what belongs to the entry, given its id, before the supply is
    decided: an order that is booked holds no trip.
    """
    entry_id = await book(ctx, account.site_id, draft, [account])
    await remember(entry_id)
    # The money decides about the supply in the same transaction, so that paid means ordered.
    await decide_account(ctx, account, cause=f"top_up:{mark}")
    wake(ctx, f"top_up:{mark}")
    wake(ctx, f"live:{account.site_id}")
    return entry_id

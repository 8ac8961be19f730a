"""Print receipts (打印收据): counted, so that a second paper says that it is one (补打)."""

from typing import Any

import msgspec

from backend.context import Context
from backend.models.receipts import Receipt
from backend.models.site import Shop
from backend.services.audit import record
from backend.services.locks import lock_account
from backend.services.receipts import make_receipt, next_number
from backend.services.show_receipts import (
    ReceiptView,
    account_of,
    balance_after,
    own_top_up,
    view_receipt,
)
from backend.store import unit_of_work

REPRINT = "staff.receipt.reprint"


async def print_receipt(ctx: Context, entry_id: int, request_id: str) -> ReceiptView:
    """Count a print and return what goes on the paper; print_count 1 is the original.

    Whoever took the money prints the original; everything else takes the right to reprint. A payment by
    phone gets its number here. The same request_id again counts nothing. Errors: NotFound, Forbidden.
    """
    return await unit_of_work(lambda: _print(ctx, entry_id, request_id), "print_receipt")


async def _print(ctx: Context, entry_id: int, request_id: str) -> ReceiptView:
    entry, leg = await own_top_up(ctx, entry_id)
    account = await lock_account(account_of(leg))  # Two first prints at once are one receipt.
    facts: dict[str, Any] = msgspec.json.decode(entry.facts)
    receipt = await Receipt.get_or_none(entry_id=entry.id)
    is_first = receipt is None or receipt.print_count == 0
    is_again = receipt is not None and receipt.print_request == request_id
    took_it = facts.get("staff_id") == str(ctx.caller.id) and "staff.top_up" in ctx.caller.permissions
    if not (took_it and (is_first or is_again)):
        ctx.need(REPRINT)
    if receipt is None:
        practice = (await Shop.get(id=account.shop_id)).practice
        number = await next_number(account.site_id, practice, ctx.clock.now())
        staff_id = int(facts["staff_id"]) if facts.get("staff_id") else None
        receipt = await make_receipt(ctx, account, entry.id, number, staff_id, await balance_after(leg))
    if not is_again:
        receipt.print_count += 1
        receipt.printed_at, receipt.print_request = ctx.clock.now(), request_id
        await receipt.save(update_fields=["print_count", "printed_at", "print_request"])
    view = await view_receipt(ctx, entry, leg, receipt)
    await record(
        ctx,
        "staff.receipt.print",
        f"entry:{entry.id}",
        facts={"number": receipt.number, "print": receipt.print_count, "repeated": is_again},
    )
    return view

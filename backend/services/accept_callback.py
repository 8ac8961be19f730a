"""Take a payment callback (支付回调): verify, book, answer after the commit. No outgoing call."""

from backend.context import Context
from backend.payments.port import CallbackReason, CallbackRefused
from backend.services.book_payment import Booked, book_payment


async def accept_callback(ctx: Context) -> Booked | None:
    """Book what a genuine callback says; None for a genuine one that is not about a payment.

    Errors: CallbackRefused with its reason and status; the channel then sends again.
    """
    try:
        paid = ctx.payments.open_callback(ctx.headers, ctx.body)
    except CallbackRefused as error:
        if error.reason is CallbackReason.OTHER_EVENT:
            return None
        raise
    return await book_payment(ctx, paid, "callback")

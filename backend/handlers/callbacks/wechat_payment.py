"""POST /api/v1/callbacks/wechat-pay: WeChat Pay tells of a payment (支付回调)."""

from backend.context import Context
from backend.metrics import count_callback
from backend.payments.port import CallbackRefused
from backend.routing import Reply, no_content, post
from backend.services.accept_callback import accept_callback


@post("/api/v1/callbacks/wechat-pay", permission="public")
async def handle(ctx: Context) -> Reply[None]:
    """Answer 204 after the commit; 4xx makes the channel send again.

    Errors: CallbackRefused, counted by reason; nothing is booked and nobody is called.
    """
    try:
        booked = await accept_callback(ctx)
    except CallbackRefused as error:
        count_callback(error.reason.value)
        raise
    count_callback("other_event" if booked is None else "booked" if booked.is_first else "known")
    return no_content()

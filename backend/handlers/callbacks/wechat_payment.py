"""POST /api/v1/callbacks/wechat-pay: WeChat Pay tells of a payment (支付回调)."""

from backend.context import Context
from backend.logs import logger
from backend.metrics import count_callback
from backend.payments.port import CallbackRefused
from backend.routing import Reply, no_content, post
from backend.services.accept_callback import accept_callback

_log = logger(__name__)


@post("/api/v1/callbacks/wechat-pay", permission="public")
async def handle(ctx: Context) -> Reply[None]:
    """Answer 204 after the commit; 4xx makes the channel send again.

    Errors: CallbackRefused, counted by reason; nothing is booked and nobody is called.
    """
    received_at = ctx.clock.now()  # The whole body is here.
    try:
        booked = await accept_callback(ctx)
    except CallbackRefused as error:
        count_callback(error.reason.value)
        raise
    if booked is not None:
        _log.info("callback_taken", order_no=booked.order_no, received_at=received_at.isoformat())
    count_callback("other_event" if booked is None else "booked" if booked.is_first else "known")
    return no_content()

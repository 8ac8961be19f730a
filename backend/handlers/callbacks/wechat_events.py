"""GET and POST /api/v1/callbacks/wechat-events/{app}: what WeChat tells of messages and people (事件推送)."""

from backend.context import Context
from backend.routing import Raw, get, post
from backend.services.accept_events import accept_events, echo

PATH = "/api/v1/callbacks/wechat-events/{app}"


@get(PATH, permission="public", name="callbacks.wechat_echo")
async def check(
    ctx: Context, app: str, signature: str, timestamp: str, nonce: str, echostr: str, msg_signature: str = ""
) -> Raw:
    """Prove to WeChat that this address is ours: return its echo text. Errors: Forbidden."""
    query = {"signature": signature, "timestamp": timestamp, "nonce": nonce, "echostr": echostr}
    return Raw(echo(ctx, app, query).encode(), "text/plain; charset=utf-8")


@post(PATH, permission="public")
async def handle(
    ctx: Context,
    app: str,
    signature: str = "",
    timestamp: str = "",
    nonce: str = "",
    msg_signature: str = "",
    encrypt_type: str = "",
    openid: str = "",
) -> Raw:
    """Take receipts, consents and follows; a repeated event changes nothing. Errors: Forbidden."""
    query = {
        "signature": signature,
        "timestamp": timestamp,
        "nonce": nonce,
        "msg_signature": msg_signature,
        "encrypt_type": encrypt_type,
        "openid": openid,
    }
    await accept_events(ctx, app, query)
    return Raw(b"success", "text/plain; charset=utf-8")

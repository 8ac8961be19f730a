"""POST /api/v1/callbacks/sms-receipts/{token}: the provider tells of delivered text messages (短信回执)."""

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, ok, post
from backend.services.accept_events import accept_sms_receipts


class Taken(Struct, frozen=True):
    """The provider's own form of "taken"."""

    result: int = 0
    errmsg: str = "OK"


@post("/api/v1/callbacks/sms-receipts/{token}", permission="public")
async def handle(ctx: Context, token: str) -> Reply[Taken]:
    """Take receipts; the token in the address is all the proof that the provider offers. Errors: NotFound."""
    await accept_sms_receipts(ctx, token)
    return ok(Taken())

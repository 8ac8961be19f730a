"""GET /api/v1/staff/policy/preview: what other values would do now (策略试算)."""

from typing import Annotated

import msgspec
from msgspec import Meta

from backend.context import Context
from backend.errors import Invalid
from backend.routing import Reply, get, ok
from backend.services.policy_preview import PreviewView, preview_policy
from backend.services.policy_values import PolicyValues, policy_with
from backend.services.site_policy import policy_of

_VALUES = msgspec.json.Decoder(PolicyValues)


@get("/api/v1/staff/policy/preview", permission="staff.policy.view")
async def handle(ctx: Context, values: Annotated[str, Meta(max_length=2_000)]) -> Reply[PreviewView]:
    """Say who would be cut off, kept on in arrears, and warned; nothing is changed.

    values: JSON of PolicyValues, as the form holds it. Errors: Invalid (with the field).
    """
    try:
        wanted = _VALUES.decode(values)
    except msgspec.MsgspecError:
        raise Invalid(fields={"values": "填写有误，请检查"}) from None
    policy = policy_with(await policy_of(ctx.caller.site_id or 0), wanted)
    return ok(await preview_policy(ctx, policy))

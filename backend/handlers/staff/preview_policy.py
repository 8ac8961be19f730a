"""GET /api/v1/staff/policy/preview: what other values would do now (策略试算)."""

from typing import Annotated

import msgspec
from msgspec import Meta

from backend.context import Context
from backend.errors import Invalid
from backend.routing import Reply, get, ok
from backend.services.policy_preview import PreviewView, preview_policy
from backend.services.policy_values import PolicyValues, policy_with
from backend.services.row_ids import id_of
from backend.services.site_policy import policy_of
from backend.services.terms import TERMS

_VALUES = msgspec.json.Decoder(PolicyValues)
_TERMS = msgspec.json.Decoder(dict[str, Annotated[int, Meta(ge=-100_000_000, le=100_000_000)]])


@get("/api/v1/staff/policy/preview", permission="staff.policy.view")
async def handle(
    ctx: Context,
    values: Annotated[str, Meta(max_length=2_000)],
    account_id: str = "",
    terms: Annotated[str, Meta(max_length=500)] = "{}",
) -> Reply[PreviewView]:
    """Say who would be cut off, kept on in arrears, and warned; nothing is changed.

    values: JSON of PolicyValues, as the form holds it. account_id, terms: one shop, and JSON of the terms
    that would be its own. Errors: Invalid (with the field).
    """
    try:
        wanted, own = _VALUES.decode(values), _TERMS.decode(terms)
    except msgspec.MsgspecError:
        raise Invalid(fields={"values": "填写有误，请检查"}) from None
    policy = policy_with(await policy_of(ctx.caller.site_id or 0), wanted)
    number = id_of(account_id) if account_id else None
    kept = {name: value for name, value in own.items() if name in TERMS}
    return ok(await preview_policy(ctx, policy, None if number is None else {number: kept}))

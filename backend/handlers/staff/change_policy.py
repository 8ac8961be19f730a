"""POST /api/v1/staff/policy: change the site's rules of warning and tripping (修改策略)."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, no_content, post
from backend.services.change_policy import OPERATION, change_values, check_values
from backend.services.policy_values import PolicyValues
from backend.services.staff_sign_in import step_up


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    values: PolicyValues
    based_on: Annotated[int, Meta(ge=0)]  # Number of the change that the form was opened on.
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    totp: str
    request_id: UUID


@post("/api/v1/staff/policy", permission="staff.policy.change", idempotent="request_id")
async def handle(ctx: Context, body: Body) -> Reply[None]:
    """Set all values at once; shops without terms of their own follow within seconds.

    Errors: Invalid (with the field), PolicyChanged, TotpWrong, TotpMissing, StaffLocked.
    """
    await check_values(ctx, body.values)
    await step_up(ctx, body.totp, OPERATION, f"site:{ctx.caller.site_id}")
    await change_values(
        ctx, body.values, based_on=body.based_on, reason=body.reason, request_id=body.request_id
    )
    return no_content()

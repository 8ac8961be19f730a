"""PUT /api/v1/staff/accounts/{account_id}/terms: a shop's own levels, overdraft, restore (单户策略)."""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from backend.context import Context
from backend.routing import Reply, no_content, put
from backend.services.change_policy import change_terms, check_terms
from backend.services.policy_values import Days, Level, Money
from backend.services.row_ids import RowId
from backend.services.staff_sign_in import step_up
from backend.services.terms import CHANGE_TERMS


class Terms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None: as the site's policy says."""

    low_fen: Level | None
    low_days: Days | None
    critical_fen: Level | None
    critical_days: Days | None
    overdraft_fen: Money | None
    restore_level_fen: Level | None


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    terms: Terms
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    totp: str


@put("/api/v1/staff/accounts/{account_id}/terms", permission="staff.policy.change")
async def handle(ctx: Context, account_id: RowId, body: Body) -> Reply[None]:
    """Let a shop differ from the site's policy, or follow it again.

    Errors: NotFound, Invalid (with the field), TotpWrong, TotpMissing, StaffLocked.
    """
    await check_terms(ctx, account_id, asdict(body.terms))
    await step_up(ctx, body.totp, CHANGE_TERMS, f"account:{account_id}")
    await change_terms(ctx, account_id, asdict(body.terms), body.reason)
    return no_content()

"""POST /api/v1/staff/tariffs/{tariff_id}/drafts: draft a new dated version (起草电价版本)."""

from uuid import UUID

from msgspec import Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.row_ids import RowId
from backend.services.tariff_drafts import make_draft
from backend.services.tariff_parts import VersionContent


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    content: VersionContent
    request_id: UUID  # Made when the form opens, and kept for its retries.


class Drafted(Struct, frozen=True):
    draft_id: str


@post("/api/v1/staff/tariffs/{tariff_id}/drafts", permission="staff.tariff.draft", idempotent="request_id")
async def handle(ctx: Context, tariff_id: RowId, body: Body) -> Reply[Drafted]:
    """Keep a draft; it prices nothing before another person approves it. Errors: NotFound, Invalid."""
    return created(Drafted(await make_draft(ctx, tariff_id, body.content, body.request_id)))

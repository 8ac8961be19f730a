"""GET /api/v1/staff/board/stream: the board, live (实时看板)."""

from typing import Annotated

from msgspec import Meta

from backend.context import Context
from backend.routing import EventStream, get
from backend.services.show_board import stream_board


@get("/api/v1/staff/board/stream", permission="staff.board")
async def handle(ctx: Context, since: Annotated[str, Meta(max_length=64)] = "") -> EventStream:
    """Send what changed since a version of the board, then what changes each second, and rights.

    A browser that comes back names its last event itself (Last-Event-ID).
    """
    return EventStream(stream_board(ctx, ctx.headers.get("last-event-id", "") or since))

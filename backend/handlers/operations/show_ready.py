"""GET /health/ready: this process can do its work."""

import asyncio
from typing import Any

from msgspec import Struct

from backend.context import Context
from backend.logs import logger
from backend.routing import Reply, get, ok
from backend.store import rows

_PING_TIMEOUT_S = 2.0
_log = logger(__name__)


class ReadyView(Struct, frozen=True, kw_only=True):
    """status: "ok"; "degraded" without Redis, where all works but slower; "down" without the database."""

    status: str
    database: str
    redis: str


@get("/health/ready", permission="public", listener="both")
async def handle(ctx: Context) -> Reply[ReadyView]:
    """Ask the database; 503 when it does not answer within two seconds."""
    if not await _database_answers():
        return Reply(ReadyView(status="down", database="down", redis=_redis(ctx)), 503)
    redis = _redis(ctx)
    return ok(ReadyView(status="degraded" if redis == "down" else "ok", database="ok", redis=redis))


async def _database_answers() -> bool:
    ping = asyncio.ensure_future(rows("SELECT 1 AS one"))
    # Waiting, not cancelling: a cancelled query may take its pooled connection with it.
    done, _ = await asyncio.wait({ping}, timeout=_PING_TIMEOUT_S)
    ping.add_done_callback(_note_failure)
    return bool(done) and ping.exception() is None


def _note_failure(ping: "asyncio.Future[list[dict[str, Any]]]") -> None:
    if not ping.cancelled() and (error := ping.exception()) is not None:
        _log.warning("the database does not answer", error=str(error))


def _redis(ctx: Context) -> str:
    if not ctx.settings.redis_url:
        return "none"
    down_s = 0.25
    return "down" if ctx.wakes.reread_s(down_s) == down_s else "ok"

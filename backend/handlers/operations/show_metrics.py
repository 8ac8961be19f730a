"""GET /metrics: measurements for Prometheus (监控指标)."""

from backend.context import Context
from backend.metrics import render
from backend.routing import Raw, get


@get("/metrics", permission="public", listener="private")
async def handle(ctx: Context) -> Raw:
    """Return the measurements of all processes of this backend."""
    page, content_type = render()
    return Raw(page, content_type)

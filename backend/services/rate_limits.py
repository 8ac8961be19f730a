"""Limits on attempts, counted in SQL (限次): emptying Redis must not give anybody new tries.

What is counted are audit records of refused attempts, which are written anyway.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from backend.errors import TooMany
from backend.models.audit import AuditRecord


class Limit(Struct, frozen=True):
    """At most `most` records of `operation` within `within`."""

    operation: str
    most: int
    within: timedelta


SIGN_IN_PER_ADDRESS = Limit("staff.sign_in_failed", 30, timedelta(minutes=15))
BIND_PER_TENANT = Limit("tenant.bind_failed", 10, timedelta(hours=1))


async def need_below(limit: Limit, now: datetime, *, actor: str = "", client_ip: str = "") -> None:
    """Raise TooMany when an actor or an address has used up its attempts; an empty one is not counted."""
    if not actor and not client_ip:
        return
    query = AuditRecord.filter(operation=limit.operation, at__gt=now - limit.within)
    if actor:
        query = query.filter(actor=actor)
    if client_ip:
        query = query.filter(client_ip=client_ip)
    newest = await query.order_by("-at").limit(limit.most)
    if len(newest) >= limit.most:
        free_at = newest[-1].at + limit.within
        raise TooMany(retry_after_s=int((free_at - now).total_seconds()) + 1)

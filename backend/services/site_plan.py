"""A site's plan for its collectors (采集计划), and its version.

The version is made from what the plan says, by whatever way it was changed: a collector that holds another
one fetches the plan again. Every change of the wiring calls `renew_plan` in its own transaction.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from backend.context import Context
from backend.models.site import Site
from backend.services.meter_secrets import open_control
from backend.services.site_policy import SitePolicy
from backend.services.site_rules import SERIAL
from backend.services.work import wake
from backend.store import rows
from common.wire import Plan, PlanLine, PlanMeter

_PLAN_SQL = """
SELECT l.id AS line_id, l.code, l.protocol, g.host, l.port, l.device, l.baud, l.parity, l.gateway_timeout_ms,
       m.id AS meter_id, m.unit, m.profile, m.kind, m.ct_ratio, m.rated_power_w, m.status_block_at, m.permit,
       m.address, m.control_sealed
FROM line l JOIN gateway g ON g.id = l.gateway_id JOIN meter m ON m.line_id = l.id
WHERE l.site_id = ? AND m.retired_at IS NULL ORDER BY l.id, m.unit"""


async def plan_of(ctx: Context, site_id: int, owned: Callable[[str], bool]) -> Plan:
    """Return the part of a site's plan whose lines' codes are `owned`; a line without meters is left out."""
    # The version first: should the wiring change meanwhile, an old version asks for the plan once more.
    site = await Site.get(id=site_id)
    policy = _policy(site)
    lines: dict[int, PlanLine] = {}
    for row in await rows(_PLAN_SQL, [site_id]):
        if owned(row["code"]):
            line = lines.setdefault(row["line_id"], _line(row, policy))
            line.meters.append(_meter(ctx, row))
    return Plan(version=site.plan_version, site_id=str(site_id), lines=list(lines.values()))


async def renew_plan(ctx: Context, site_id: int) -> bool:
    """Derive the plan's version from its content; where it differs, keep it and wake the collectors.

    Called inside the unit of work that changed the wiring. Returns whether the plan has changed.
    """
    site = await Site.get(id=site_id)
    policy = _policy(site)
    found = [tuple(row.values()) for row in await rows(_PLAN_SQL, [site_id])]
    content = msgspec.json.encode([policy.poll_interval_s, policy.electrical_interval_s, found])
    # Keyed: the version travels and is logged, the content holds what opens breakers.
    version = hmac.new(ctx.settings.secret_key, content, hashlib.sha256).hexdigest()[:16]
    if version == site.plan_version:
        return False
    site.plan_version = version
    await site.save(update_fields=["plan_version"])
    wake(ctx, f"desired:{site_id}")
    return True


def _policy(site: Site) -> SitePolicy:
    return msgspec.json.decode(site.policy, type=SitePolicy)


def _line(row: dict[str, Any], policy: SitePolicy) -> PlanLine:
    serial = row["protocol"] in SERIAL
    return PlanLine(
        line_id=str(row["line_id"]),
        name=row["code"],
        protocol=row["protocol"],
        host=row["device"] if serial else row["host"],
        port=0 if serial else row["port"],
        baud=row["baud"],
        parity=row["parity"],
        gateway_timeout_s=row["gateway_timeout_ms"] / 1000,
        poll_interval_s=policy.poll_interval_s,
        electrical_interval_s=policy.electrical_interval_s,
    )


def _meter(ctx: Context, row: dict[str, Any]) -> PlanMeter:
    control = open_control(ctx.settings.secret_key, row["meter_id"], row["control_sealed"])
    return PlanMeter(
        meter_id=str(row["meter_id"]),
        unit=row["unit"],
        profile=row["profile"],
        prepaid=row["kind"] == "prepaid",
        ct_ratio=row["ct_ratio"],
        rated_power_w=row["rated_power_w"],
        status_block_at=row["status_block_at"],
        permit=bool(row["permit"]),
        address=row["address"],
        control_password=control.password,
        operator=control.operator,
    )

"""Shafts, gateways and lines added, changed and removed while the mall runs (强电井、通讯管理机、总线).

What is removed keeps its row: alarms, audit records and retired meters name it. The same code added again
brings the row back.
"""

from typing import Any

from msgspec import Struct

from backend.context import Context
from backend.models.meters import Meter
from backend.models.operations import LineState
from backend.models.site import Gateway, Line, Shaft
from backend.services.row_ids import id_of
from backend.services.site_parts import (
    Baud,
    Code,
    Device,
    GatewayTimeout,
    Host,
    Name,
    Parity,
    Port,
    Protocol,
    Reason,
)
from backend.services.site_wiring import (
    CodeTaken,
    NotEmpty,
    change_site,
    check_wiring,
    end_alarms,
    own,
    planned,
    put_new,
)


class Why(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Reason


class ShaftBody(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name


class GatewayBody(Struct, frozen=True, forbid_unknown_fields=True):
    shaft_id: str
    code: Code
    name: Name
    host: Host  # Of serial lines the machine that has the devices.


class LineBody(Struct, frozen=True, forbid_unknown_fields=True):
    gateway_id: str
    code: Code
    protocol: Protocol
    port: Port = 0
    device: Device = ""
    baud: Baud = 9_600
    parity: Parity = "N"
    gateway_timeout_s: GatewayTimeout = 0.5


async def put_shaft(ctx: Context, body: ShaftBody, shaft_id: int | None = None) -> str:
    """Add a shaft, or change one; returns its id. Errors: NotFound, CodeTaken."""

    async def work(site_id: int) -> str:
        values = {"name": body.name}
        if shaft_id is None:
            shaft = await put_new(ctx, Shaft, site_id, body.code, values)
        else:
            shaft = await own(Shaft, site_id, shaft_id)
            await _recode(shaft, site_id, body.code, values)
        await planned(ctx, site_id, _put("shaft", shaft_id), f"shaft:{shaft.id}", facts={"code": body.code})
        return str(shaft.id)

    return await change_site(ctx, work)


async def put_gateway(ctx: Context, body: GatewayBody, gateway_id: int | None = None) -> str:
    """Add a gateway, or change one; its lines move along. Errors: NotFound, CodeTaken, Invalid."""

    async def work(site_id: int) -> str:
        shaft = await own(Shaft, site_id, _number(body.shaft_id))
        values = {"shaft_id": shaft.id, "name": body.name, "host": body.host}
        if gateway_id is None:
            gateway = await put_new(ctx, Gateway, site_id, body.code, values)
        else:
            gateway = await own(Gateway, site_id, gateway_id)
            await _recode(gateway, site_id, body.code, values)
        lines = await Line.filter(gateway_id=gateway.id, removed_at=None)
        await check_wiring(site_id, lines={line.id for line in lines})
        facts = {"code": body.code, "host": body.host, "shaft_id": body.shaft_id}
        await planned(ctx, site_id, _put("gateway", gateway_id), f"gateway:{gateway.id}", facts=facts)
        return str(gateway.id)

    return await change_site(ctx, work)


async def put_line(ctx: Context, body: LineBody, line_id: int | None = None) -> str:
    """Add a line, or change one; its meters go along. Errors: NotFound, CodeTaken, Invalid."""

    async def work(site_id: int) -> str:
        gateway = await own(Gateway, site_id, _number(body.gateway_id))
        values = {
            "gateway_id": gateway.id,
            "protocol": body.protocol,
            "port": body.port,
            "device": body.device,
            "baud": body.baud,
            "parity": body.parity,
            "gateway_timeout_ms": round(body.gateway_timeout_s * 1000),
        }
        if line_id is None:
            line = await put_new(ctx, Line, site_id, body.code, values)
        else:
            line = await own(Line, site_id, line_id)
            await _recode(line, site_id, body.code, values)
        await check_wiring(site_id, lines={line.id})
        facts = {"code": body.code, **values, "gateway_id": body.gateway_id}
        await planned(ctx, site_id, _put("line", line_id), f"line:{line.id}", facts=facts)
        return str(line.id)

    return await change_site(ctx, work)


async def remove_shaft(ctx: Context, shaft_id: int, reason: str) -> None:
    """Remove an empty shaft. Errors: NotFound, NotEmpty."""

    async def work(site_id: int) -> None:
        shaft = await own(Shaft, site_id, shaft_id)
        if await Gateway.exists(shaft_id=shaft.id, removed_at=None):
            raise NotEmpty(what="通讯管理机")
        await _remove(ctx, shaft, site_id, "shaft", reason)

    await change_site(ctx, work)


async def remove_gateway(ctx: Context, gateway_id: int, reason: str) -> None:
    """Remove a gateway without lines. Errors: NotFound, NotEmpty."""

    async def work(site_id: int) -> None:
        gateway = await own(Gateway, site_id, gateway_id)
        if await Line.exists(gateway_id=gateway.id, removed_at=None):
            raise NotEmpty(what="总线")
        await _remove(ctx, gateway, site_id, "gateway", reason)

    await change_site(ctx, work)


async def remove_line(ctx: Context, line_id: int, reason: str) -> None:
    """Remove a line without meters. Errors: NotFound, NotEmpty."""

    async def work(site_id: int) -> None:
        line = await own(Line, site_id, line_id)
        if await Meter.exists(line_id=line.id, retired_at=None):
            raise NotEmpty(what="电表")
        await LineState.filter(line_id=line.id).delete()
        await _remove(ctx, line, site_id, "line", reason)

    await change_site(ctx, work)


async def _remove(ctx: Context, row: Shaft | Gateway | Line, site_id: int, what: str, reason: str) -> None:
    row.removed_at = ctx.clock.now()
    await row.save(update_fields=["removed_at"])
    await end_alarms(ctx, site_id, row.id)
    operation, facts = f"staff.site.remove_{what}", {"code": row.code}
    await planned(ctx, site_id, operation, f"{what}:{row.id}", reason=reason, facts=facts)


async def _recode(row: Shaft | Gateway | Line, site_id: int, code: str, values: dict[str, Any]) -> None:
    """Change a row; a code that another one has, or had, stays that one's."""
    if code != row.code and await type(row).exists(site_id=site_id, code=code):
        raise CodeTaken(code=code)
    row.update_from_dict({**values, "code": code})
    await row.save()


def _put(what: str, row_id: int | None) -> str:
    return f"staff.site.{'add' if row_id is None else 'change'}_{what}"


def _number(text: str) -> int:
    from_text = id_of(text)
    return 0 if from_text is None else from_text

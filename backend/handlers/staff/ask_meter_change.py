"""POST /api/v1/staff/meters/{meter_id}/changes: ask for another meter in its place (换表申请)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from backend.context import Context
from backend.routing import Reply, created, post
from backend.services.meter_changes import Replacement, ask_change
from backend.services.row_ids import RowId

Register = Annotated[int, Meta(ge=0, le=10**12)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    serial: Annotated[str, Meta(min_length=1, max_length=32)]
    register_wh: Register  # First register of the new meter.
    reason: Annotated[str, Meta(min_length=2, max_length=200)]
    old_register_wh: Register | None = None  # None: as it was read last.
    changed_at: Annotated[datetime, Meta(tz=True)] | None = None
    confirmed: bool = False  # The last register is right although it is more than likely.
    unit: Annotated[int, Meta(ge=1, le=247)] | None = None
    address: Annotated[str, Meta(pattern=r"^(\d{12})?$")] | None = None
    profile: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    ct_ratio: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    rated_power_w: Count | None = None
    register_step_wh: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class Asked(Struct, frozen=True):
    meter_change_id: str


@post("/api/v1/staff/meters/{meter_id}/changes", permission="staff.meter.change")
async def handle(ctx: Context, meter_id: RowId, body: Body) -> Reply[Asked]:
    """Register both meters' registers; another person approves and the account moves.

    Errors: NotFound, SerialInUse, UnitInUse, RegisterHasPassed, UnlikelyRegister, Invalid, AlreadyAsked.
    """
    new = Replacement(
        serial=body.serial,
        register_wh=body.register_wh,
        unit=body.unit,
        address=body.address,
        profile=body.profile,
        ct_ratio=body.ct_ratio,
        rated_power_w=body.rated_power_w,
        register_step_wh=body.register_step_wh,
    )
    meter_change_id = await ask_change(
        ctx,
        meter_id,
        new,
        reason=body.reason,
        old_register_wh=body.old_register_wh,
        changed_at=body.changed_at,
        confirmed=body.confirmed,
    )
    return created(Asked(meter_change_id))

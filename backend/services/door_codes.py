"""Door codes (门铺码): what hangs at a shop's door and lets anyone pay for it, without seeing its usage.

A code only names a shop. It stands until it is issued again; then the old one names nothing.
"""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.errors import Bug, NotFound
from backend.models.openings import DoorCode
from backend.models.site import Shop
from backend.services.audit import record
from backend.store import unit_of_work

# 32 characters, 5 bits each, without 0, 1, I and O: 60 bits.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LENGTH, _GROUP = 12, 4
_DRAWS = 8


class DoorCodeView(Struct, frozen=True, kw_only=True):
    """link: what the QR code on the door says."""

    shop_id: str
    code: str
    link: str
    made_at: datetime


async def reissue_door_code(ctx: Context, shop_id: int, reason: str) -> DoorCodeView:
    """Give a shop another code (重新发放门铺码); the old one ends at once. Errors: NotFound."""

    async def work() -> DoorCodeView:
        shop = await Shop.filter(id=shop_id, site_id=ctx.caller.site_id).select_for_update().first()
        if shop is None:
            raise NotFound()
        standing = await DoorCode.filter(standing_key=str(shop.id)).select_for_update().first()
        if standing is not None:
            standing.revoked_at, standing.standing_key = ctx.clock.now(), None
            await standing.save(update_fields=["revoked_at", "standing_key"])
        made = await _make(ctx, shop)
        facts = {"before": standing.code if standing else None, "after": made.code}
        await record(ctx, "staff.door_code", f"shop:{shop.id}", reason=reason, facts=facts)
        return door_view(ctx, made)

    return await unit_of_work(work, "reissue_door_code")


async def door_code_of(ctx: Context, shop: Shop) -> DoorCode:
    """Return a shop's standing code, or make its first one. Inside a unit of work, the shop locked."""
    return await DoorCode.get_or_none(standing_key=str(shop.id)) or await _make(ctx, shop)


def door_view(ctx: Context, row: DoorCode) -> DoorCodeView:
    base = ctx.settings.public_url.rstrip("/")
    return DoorCodeView(
        shop_id=str(row.shop_id),
        code="-".join(row.code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)),
        link=f"{base}/d/{row.code}",
        made_at=row.made_at,
    )


async def _make(ctx: Context, shop: Shop) -> DoorCode:
    for _ in range(_DRAWS):
        code = "".join(ctx.random.choice(_ALPHABET) for _ in range(_LENGTH))
        if not await DoorCode.exists(code=code):
            return await DoorCode.create(
                id=ctx.ids.new(),
                site_id=ctx.caller.site_id,
                shop_id=shop.id,
                code=code,
                made_by=ctx.caller.id,
                made_at=ctx.clock.now(),
                standing_key=str(shop.id),
            )
    raise Bug("no free door code among 2^60: the random source repeats itself")

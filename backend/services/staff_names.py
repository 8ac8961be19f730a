"""Who is who in a site's staff (姓名): ids in rows become names on screens."""

from backend.context import Context
from backend.store import rows


async def names_of(ctx: Context) -> dict[int, str]:
    """Return the names of the caller's site's staff, those who left too, by id."""
    found = await rows("SELECT id, name FROM staff WHERE site_id = ?", [ctx.caller.site_id])
    return {int(row["id"]): str(row["name"]) for row in found}

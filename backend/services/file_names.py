"""What ids are called (名称): people of the staff, and accounts by their shops."""

from collections.abc import Mapping

from backend.store import rows


async def names_of_staff(site_id: int | None) -> Mapping[int, str]:
    found = await rows("SELECT id, name FROM staff WHERE site_id = ?", [site_id])
    return {int(row["id"]): str(row["name"]) for row in found}


async def shop_names(site_id: int | None) -> Mapping[int, str]:
    """Return "A101 张记" by account id, closed accounts too."""
    found = await rows(
        "SELECT a.id, s.code, s.name FROM account a JOIN shop s ON s.id = a.shop_id WHERE a.site_id = ?",
        [site_id],
    )
    return {int(row["id"]): f"{row['code']} {row['name']}" for row in found}

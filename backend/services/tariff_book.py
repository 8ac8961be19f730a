"""Tariff versions as the domain wants them (电价版本). A stored version never changes, so it is kept."""

import msgspec

from backend.domain.tariffs import TariffVersion, in_order
from backend.store import cache, rows

_KEPT: dict[int, TariffVersion] = cache()  # By id of the row: its content never changes.


async def versions_by_tariff(site_id: int) -> dict[int, tuple[TariffVersion, ...]]:
    """Return every tariff of a site with its versions, in order of their start.

    Two versions with the same start: the later made one holds (an edit of an unused version).
    """
    found = await rows(
        "SELECT v.id, v.tariff_id FROM tariff_version v JOIN tariff t ON t.id = v.tariff_id"
        " WHERE t.site_id = ? ORDER BY v.id",
        [site_id],
    )
    missing = [int(row["id"]) for row in found if int(row["id"]) not in _KEPT]
    for version_id in missing:
        (row,) = await rows("SELECT content FROM tariff_version WHERE id = ?", [version_id])
        _KEPT[version_id] = msgspec.json.decode(row["content"], type=TariffVersion)
    by_tariff: dict[int, dict[object, TariffVersion]] = {}
    for row in found:
        version = _KEPT[int(row["id"])]
        by_tariff.setdefault(int(row["tariff_id"]), {})[version.valid_from] = version
    return {tariff_id: in_order(versions.values()) for tariff_id, versions in by_tariff.items()}

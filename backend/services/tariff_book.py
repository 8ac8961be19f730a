"""Tariff versions as the domain wants them (电价版本). A stored version never changes, so it is kept."""

import msgspec

from backend.domain.calendars import Calendar
from backend.domain.tariffs import TariffVersion, calendar_of, in_order, with_calendar
from backend.services.site_calendar import calendar_of_policy
from backend.services.site_policy import policy_of
from backend.store import cache, rows

_KEPT: dict[int, TariffVersion] = cache()  # By id of the row: its content never changes.


async def versions_by_tariff(site_id: int) -> dict[int, tuple[TariffVersion, ...]]:
    """Return every tariff of a site with its versions, in order of their start.

    Two versions with the same start: the later made one holds (an edit of an unused version). Versions with
    special days come with the site's calendar as it is now.
    """
    found = await rows(
        "SELECT v.id, v.tariff_id FROM tariff_version v JOIN tariff t ON t.id = v.tariff_id"
        " WHERE t.site_id = ? ORDER BY v.id",
        [site_id],
    )
    ids = [int(row["id"]) for row in found]
    await _keep(ids)
    if any(_KEPT[number].day_plan.needs_calendar for number in ids):
        _hand_over(ids, calendar_of_policy(await policy_of(site_id)))
    by_tariff: dict[int, dict[object, TariffVersion]] = {}
    for row in found:
        version = _KEPT[int(row["id"])]
        by_tariff.setdefault(int(row["tariff_id"]), {})[version.valid_from] = version
    return {tariff_id: in_order(versions.values()) for tariff_id, versions in by_tariff.items()}


async def every_version(tariff_id: int) -> list[TariffVersion]:
    """Return all versions of a tariff in the order in which they were made, without a calendar."""
    ids = [
        int(row["id"])
        for row in await rows("SELECT id FROM tariff_version WHERE tariff_id = ? ORDER BY id", [tariff_id])
    ]
    await _keep(ids)
    return [_KEPT[number] for number in ids]


async def _keep(ids: list[int]) -> None:
    for number in ids:
        if number not in _KEPT:
            (row,) = await rows("SELECT content FROM tariff_version WHERE id = ?", [number])
            _KEPT[number] = msgspec.json.decode(row["content"], type=TariffVersion)


def _hand_over(ids: list[int], calendar: Calendar) -> None:
    for number in ids:
        version = _KEPT[number]
        # Kept as long as the calendar is the same: a version is told by its identity.
        if version.day_plan.needs_calendar and calendar_of(version) is not calendar:
            _KEPT[number] = with_calendar(version, calendar)

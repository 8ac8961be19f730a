"""All reports by kind, in the order of the menu (报表目录)."""

from backend.reports import availability, public_areas, readings, sales, shops, switching
from backend.reports.port import Report

REPORTS: dict[str, Report] = {
    one.kind: one
    for one in (
        sales.BY_DAY,
        sales.BY_MONTH,
        shops.REPORT,
        public_areas.REPORT,
        readings.REPORT,
        switching.REPORT,
        availability.REPORT,
    )
}

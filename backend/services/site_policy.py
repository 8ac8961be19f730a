"""A site's policy (站点规则): stored as JSON on the site row; every value has a default of product.md."""

import msgspec
from msgspec import Struct, field

from backend.models.site import Site


class SitePolicy(Struct, frozen=True, kw_only=True):
    """Times in seconds; windows as "HH:MM-HH:MM" in local time, a window may cross midnight."""

    delay_s: int = 1_800
    no_trip_windows: list[str] = field(default_factory=lambda: ["18:00-09:30"])
    no_trip_weekends: bool = True
    holidays: list[str] = []
    poll_interval_s: float = 60.0  # Register, relay and power: what money rests on.
    electrical_interval_s: float = 900.0  # Voltages and the like, where they cost a request of their own.
    debt_cap_days: int = 2
    trips_per_shaft_minute: int = 6  # After a window trips are spread, per shaft.
    # Power limits: over for so long is told, for so long is tripped; back on after so long, so often.
    power_tell_s: float = 30.0
    power_trip_s: float = 120.0
    power_restore_s: float = 600.0
    power_retries: int = 3
    power_gap_s: float = 90.0  # Readings further apart prove nothing.
    power_night_hours: list[str] = field(default_factory=lambda: ["22:30-07:00"])


async def policy_of(site_id: int) -> SitePolicy:
    site = await Site.get(id=site_id)
    return msgspec.json.decode(site.policy, type=SitePolicy)

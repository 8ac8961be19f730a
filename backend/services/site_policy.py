"""A site's policy (站点规则): stored as JSON on the site row; every value has a default of product.md."""

from datetime import date

import msgspec
from msgspec import Struct, field

from backend.models.site import Site


class OwnDay(Struct, frozen=True):
    """A day that the site has entered itself (自定日期).

    off: True: nobody works, False: people work, whatever the notices say; None: as they say, and yet
    nobody is cut off for arrears (店庆等免断日).
    """

    on: date
    name: str
    off: bool | None = None


class SitePolicy(Struct, frozen=True, kw_only=True):
    """Times in seconds; windows as "HH:MM-HH:MM" in local time, a window may cross midnight."""

    delay_s: int = 1_800
    no_trip_windows: list[str] = field(default_factory=lambda: ["18:00-09:30"])
    no_trip_weekends: bool = True
    no_trip_holidays: bool = True  # By the official notices; a day not yet announced counts as one.
    holidays: list[str] = []  # Further days, of the site file.
    own_days: list[OwnDay] = []
    own_years: list[int] = []  # Whose notice the site has entered in full by itself.
    poll_interval_s: float = 60.0  # Register, relay and power: what money rests on.
    electrical_interval_s: float = 900.0  # Voltages and the like, where they cost a request of their own.
    debt_cap_days: int = 2
    # What a shop has unless it has terms of its own (services/terms.py).
    low_fen: int = 10_000
    low_days: int = 5
    critical_fen: int = 5_000
    critical_days: int = 2
    overdraft_fen: int = 0
    restore_level_fen: int = 1_000
    hoard_limit_fen: int = 5_000_000
    trips_per_shaft_minute: int = 6  # After a window trips are spread, per shaft.
    # Power limits: over for so long is told, for so long is tripped; back on after so long, so often.
    power_tell_s: float = 30.0
    power_trip_s: float = 120.0
    power_restore_s: float = 600.0
    power_retries: int = 3
    power_gap_s: float = 90.0  # Readings further apart prove nothing.
    power_night_hours: list[str] = field(default_factory=lambda: ["22:30-07:00"])
    contact_by_word: bool = True  # A person may vouch for a contact, with a reason, where no SMS proved it.


async def policy_of(site_id: int) -> SitePolicy:
    site = await Site.get(id=site_id)
    return msgspec.json.decode(site.policy, type=SitePolicy)

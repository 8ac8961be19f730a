"""Try a version on energy that was used already (电价试算): what would the shops have paid by it?

The energy is that of the hours as it was accepted and charged; it goes through the same charging code. Hours
in which no period changes are put together first: within one period the sum does not depend on how energy is
cut (the law that charging is tested by). An hour in which the draft changes its period is split by time.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct
from msgspec.structs import replace

from backend.context import Context
from backend.domain.charging import HOUR, Course, charge, course_of, price_course
from backend.domain.tariffs import TariffVersion, with_calendar
from backend.domain.tiers import Cycle, Used, cycle_key
from backend.services.readings_store import ms_of
from backend.services.show_usage import day_number
from backend.services.site_calendar import calendar_of_policy
from backend.services.site_policy import policy_of
from backend.services.tariff_drafts import own_draft, version_in
from backend.services.tier_use import used_in
from backend.store import rows
from common.clock import LOCAL_ZONE, local_midnight
from common.units import Nanoyuan, Wh

AT_ONCE = 25  # Accounts; while a lot is being read, other requests get their turn.
_DAYS = 30
_ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
Span = Literal["month", "days30"]


class DryRunRow(Struct, frozen=True, kw_only=True):
    """One shop. estimated: some of its energy was, or had to be, split by time."""

    account_id: str
    shop_code: str
    shop_name: str
    energy_wh: int
    before_fen: int
    after_fen: int
    change_fen: int
    estimated: bool


class DryRunView(Struct, frozen=True, kw_only=True):
    """first_on, last_on: local days, both included. Sums are those of the rows; less than a fen is cut off.

    more, less, same: how many shops would have paid so; without: how many used nothing then.
    """

    first_on: date
    last_on: date
    computed_at: datetime
    rows: list[DryRunRow]
    energy_wh: int
    before_fen: int
    after_fen: int
    change_fen: int
    more: int
    less: int
    same: int
    without: int


class _Shop(NamedTuple):
    account_id: int
    code: str
    name: str


class _Sums:
    """What one account used: energy by what prices it, and what was charged for it."""

    def __init__(self) -> None:
        self.energy_by_course: dict[int, int] = {}
        self.cost_nano = 0
        self.energy_wh = 0
        self.estimated = False


class _Hours:
    """How the draft runs through the hours; hours that are priced alike share one course."""

    def __init__(self, version: TariffVersion) -> None:
        self._versions = (version,)
        self._tiers = version.tiers
        self._alike: dict[object, int] = {}
        self.courses: list[Course] = []
        self.of = lru_cache(maxsize=None)(self._of)

    def _of(self, hour_at_ms: int) -> tuple[int, int]:
        """Return the number of an hour's course, and its local day."""
        at = datetime.fromtimestamp(hour_at_ms / 1000, UTC)
        on = at.astimezone(LOCAL_ZONE).date()
        course = course_of(self._versions, at, at + HOUR)
        key: object = hour_at_ms
        if len(course.spans) == 1:
            cycle = None if self._tiers is UNSET else cycle_key(self._tiers.cycle, on)
            key = (course.spans[0].period, course.is_sure, cycle)
        number = self._alike.setdefault(key, len(self.courses))
        if number == len(self.courses):
            self.courses.append(course)
        return number, day_number(on)


async def try_draft(ctx: Context, draft_id: int, span: Span) -> DryRunView:
    """Price what the tariff's shops used in a time that is over by a draft. Errors: NotFound."""
    draft = await own_draft(ctx, draft_id)
    calendar = calendar_of_policy(await policy_of(draft.site_id))
    version = with_calendar(replace(version_in(draft), valid_from=_ALWAYS), calendar)
    first_on, last_on = _days(span, ctx.clock.now())
    found = await rows(
        "SELECT a.id, s.code, s.name FROM account a JOIN shop s ON s.id = a.shop_id"
        " WHERE a.tariff_id = ? AND a.closed_at IS NULL AND s.practice = ? ORDER BY s.code",
        [draft.tariff_id, False],
    )
    shops = [_Shop(int(row["id"]), row["code"], row["name"]) for row in found]
    hours = _Hours(version)
    shown: list[DryRunRow] = []
    for lot in _lots(shops):
        sums = await _sums([shop.account_id for shop in lot], hours, first_on, last_on)
        used = await _used_before(version, list(sums), first_on)
        shown += [_row(shop, sums[shop.account_id], hours, used) for shop in lot if shop.account_id in sums]
    return _view(shown, first_on, last_on, ctx.clock.now(), len(shops) - len(shown))


async def _sums(ids: Sequence[int], hours: _Hours, first_on: date, last_on: date) -> dict[int, _Sums]:
    marks = ",".join("?" * len(ids))
    days = await rows(
        f"SELECT meter_id, day, account_id FROM usage_day WHERE account_id IN ({marks})"
        " AND day BETWEEN ? AND ?",
        [*ids, day_number(first_on), day_number(last_on)],
    )
    owners = {(int(row["meter_id"]), int(row["day"])): int(row["account_id"]) for row in days}
    meters = sorted({meter_id for meter_id, _ in owners})
    if not meters:
        return {}
    found = await rows(
        "SELECT meter_id, hour_at_ms, energy_wh, cost_nano, estimated FROM usage_hour"
        f" WHERE meter_id IN ({','.join('?' * len(meters))}) AND hour_at_ms >= ? AND hour_at_ms < ?",
        [*meters, ms_of(local_midnight(first_on)), ms_of(local_midnight(last_on + timedelta(days=1)))],
    )
    sums: dict[int, _Sums] = {}
    for row in found:
        number, day = hours.of(row["hour_at_ms"])
        owner = owners.get((row["meter_id"], day))
        if owner is None:
            continue
        one = sums.get(owner)
        if one is None:
            one = sums[owner] = _Sums()
        one.energy_by_course[number] = one.energy_by_course.get(number, 0) + row["energy_wh"]
        one.energy_wh += row["energy_wh"]
        one.cost_nano += row["cost_nano"]
        one.estimated = one.estimated or bool(row["estimated"])
    return sums


async def _used_before(version: TariffVersion, ids: Sequence[int], first_on: date) -> Mapping[int, Used]:
    """Return what accounts used before the first day in the cycle that it lies in."""
    if version.tiers is UNSET or not ids:
        return {}
    cycle: Cycle = version.tiers.cycle
    key = cycle_key(cycle, first_on)
    before = await used_in(ids, cycle, key, day_number(first_on))
    return {account_id: {key: energy_wh} for account_id, energy_wh in before.items()}


def _row(shop: _Shop, sums: _Sums, hours: _Hours, used: Mapping[int, Used]) -> DryRunRow:
    so_far: Used = dict(used.get(shop.account_id, {}))
    total, estimated = 0, sums.estimated
    for number, energy_wh in sums.energy_by_course.items():
        course = hours.courses[number]
        priced = price_course(course, Wh(energy_wh), None, so_far)
        total += priced.total_nano
        estimated = estimated or priced.estimated
        for piece in priced.pieces:
            tiers = course.spans[0].version.tiers
            if tiers is not UNSET:
                key = cycle_key(tiers.cycle, piece.on)
                so_far[key] = Wh(so_far.get(key, 0) + piece.energy_wh)
    before_fen, _ = charge(Nanoyuan(sums.cost_nano), Nanoyuan(0))
    after_fen, _ = charge(Nanoyuan(total), Nanoyuan(0))
    return DryRunRow(
        account_id=str(shop.account_id),
        shop_code=shop.code,
        shop_name=shop.name,
        energy_wh=sums.energy_wh,
        before_fen=before_fen,
        after_fen=after_fen,
        change_fen=after_fen - before_fen,
        estimated=estimated,
    )


def _view(
    shown: Sequence[DryRunRow], first_on: date, last_on: date, now: datetime, without: int
) -> DryRunView:
    changes = [row.change_fen for row in shown]
    return DryRunView(
        first_on=first_on,
        last_on=last_on,
        computed_at=now,
        rows=sorted(shown, key=lambda row: (-abs(row.change_fen), row.shop_code)),
        energy_wh=sum(row.energy_wh for row in shown),
        before_fen=sum(row.before_fen for row in shown),
        after_fen=sum(row.after_fen for row in shown),
        change_fen=sum(changes),
        more=sum(change > 0 for change in changes),
        less=sum(change < 0 for change in changes),
        same=sum(change == 0 for change in changes),
        without=without,
    )


def _days(span: Span, now: datetime) -> tuple[date, date]:
    today = now.astimezone(LOCAL_ZONE).date()
    if span == "days30":
        return today - timedelta(days=_DAYS - 1), today
    last_on = today.replace(day=1) - timedelta(days=1)
    return last_on.replace(day=1), last_on


def _lots(shops: Sequence[_Shop]) -> Iterator[Sequence[_Shop]]:
    for start in range(0, len(shops), AT_ONCE):
        yield shops[start : start + AT_ONCE]

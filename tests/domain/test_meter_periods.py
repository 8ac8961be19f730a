"""Whether a meter's own registers by period may split an interval (分时信任)."""

from datetime import date, timedelta

import pytest

from backend.domain.meter_periods import DayTable, MeterPeriods, rates_can_be_trusted, table_matches
from backend.domain.tariffs import Period, Slot, in_order

from .samples import at, demo_tariff

NOW = at("2026-03-02 13:10")
FROM = NOW - timedelta(minutes=20)
TABLE: DayTable = ((0, 4), (480, 3), (600, 2), (780, 3), (1_020, 2), (1_320, 3))
VERSION = demo_tariff("v1")


def known(
    table: DayTable | None = TABLE,
    offset_s: float | None = 10.0,
    table_age: timedelta = timedelta(),
    clock_age: timedelta = timedelta(),
) -> MeterPeriods:
    return MeterPeriods(table, NOW - table_age, offset_s, NOW - clock_age)


@pytest.mark.parametrize(
    ("table", "matches"),
    [
        (TABLE, True),
        (TABLE[::-1], True),  # Order is no content.
        ((*TABLE, (1_380, 3)), True),  # A switch that changes nothing.
        (TABLE[:-1], False),
        (((0, 4), (480, 3), (600, 1), (780, 3), (1_020, 2), (1_320, 3)), False),
        (((30, 4), *TABLE[1:]), False),  # The last rate holds over midnight.
        (((0, 5), *TABLE[1:]), False),
        (((1_440, 4), *TABLE), False),
        ((), False),
    ],
)
def test_a_day_table_matches_when_it_switches_as_the_tariff_does(table: DayTable, matches: bool) -> None:
    assert table_matches(table, VERSION, date(2026, 3, 2)) is matches


def test_no_meter_has_a_rate_for_the_deep_valley() -> None:
    deep = demo_tariff("v1", slots=(Slot(0, Period.DEEP_VALLEY), Slot(480, Period.FLAT)))

    assert not table_matches(((0, 4), (480, 3)), deep, date(2026, 3, 2))


@pytest.mark.parametrize(
    ("periods", "trusted"),
    [
        (known(), True),
        (known(offset_s=-300.0), True),
        (known(offset_s=300.1), False),
        (known(offset_s=None), False),
        (known(table=None), False),
        (known(table=TABLE[:-1]), False),
        (known(table_age=timedelta(days=3)), True),
        (known(table_age=timedelta(days=3, seconds=1)), False),
        (known(clock_age=timedelta(hours=25)), True),
        (known(clock_age=timedelta(hours=25, seconds=1)), False),
        (MeterPeriods(), False),
    ],
)
def test_a_meters_own_periods_count_only_while_its_table_and_clock_are_known_and_right(
    periods: MeterPeriods, trusted: bool
) -> None:
    assert rates_can_be_trusted(periods, (VERSION,), FROM, NOW, NOW) is trusted


def test_a_tariff_that_changes_within_the_interval_must_match_on_both_sides() -> None:
    later = demo_tariff(
        "v2", valid_from="2026-03-02 13:05", slots=(Slot(0, Period.VALLEY), Slot(720, Period.FLAT))
    )

    assert not rates_can_be_trusted(known(), in_order((VERSION, later)), FROM, NOW, NOW)


def test_nobody_knows_what_a_table_was_during_forty_days() -> None:
    assert not rates_can_be_trusted(known(), (VERSION,), NOW - timedelta(days=41), NOW, NOW)

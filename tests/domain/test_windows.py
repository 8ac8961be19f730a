"""No-trip windows (不断电时段)."""

from datetime import date, datetime, timedelta

import pytest

from backend.domain.windows import Windows, free_from, free_since, in_window, windows_from

from .samples import at

NIGHTS = windows_from(["18:00-09:30"], weekends=True, holidays=["2026-10-01"])
LUNCH = windows_from(["11:30-13:00", "18:00-24:00"], weekends=False, holidays=[])
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-03-02 17:59:59", False),
        ("2026-03-02 18:00", True),
        ("2026-03-03 00:00", True),
        ("2026-03-03 09:29:59", True),
        ("2026-03-03 09:30", False),
        ("2026-03-07 12:00", True),
        ("2026-10-01 12:00", True),
        ("2026-10-02 12:00", False),
    ],
)
def test_nights_weekends_and_holidays_are_windows(time: str, expected: bool) -> None:
    assert in_window(NIGHTS, at(time)) is expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [("12:00", True), ("13:00", False), ("23:59:59", True), ("00:00", False)],
)
def test_several_windows_a_day_each_count(time: str, expected: bool) -> None:
    assert in_window(LUNCH, at(f"2026-03-02 {time}")) is expected


@pytest.mark.parametrize(
    ("time", "free_at"),
    [
        ("2026-03-02 11:00", "2026-03-02 11:00"),
        ("2026-03-02 18:00:01", "2026-03-03 09:30"),
        ("2026-03-06 20:00", "2026-03-09 09:30"),
        ("2026-09-30 20:00", "2026-10-02 09:30"),
    ],
)
def test_a_window_ends_where_the_next_begins_or_nobody_is_protected(time: str, free_at: str) -> None:
    assert free_from(NIGHTS, at(time)) == at(free_at)


def test_a_window_that_never_ends_has_no_end() -> None:
    assert (
        free_from(windows_from(["00:00-24:00"], weekends=False, holidays=[]), at("2026-03-02 12:00")) is None
    )


@pytest.mark.parametrize(
    ("time", "since"),
    [
        ("2026-03-03 09:30", "2026-03-03 09:30"),
        ("2026-03-09 09:40", "2026-03-09 09:30"),
        ("2026-03-03 09:41", None),
    ],
)
def test_the_last_minutes_tell_when_a_window_ended(time: str, since: str | None) -> None:
    expected: datetime | None = at(since) if since else None

    assert free_since(NIGHTS, at(time), timedelta(minutes=10)) == expected


def test_without_windows_nothing_ever_ended() -> None:
    assert free_since(Windows(), at("2026-03-03 09:30"), DAY) is None


@pytest.mark.parametrize("text", ["9", "25:00-26:00", "a-b", "", "09:00", "08:75-10:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        windows_from([text], weekends=False, holidays=[])


def test_a_holiday_is_a_local_day() -> None:
    holidays = Windows(holidays=frozenset({date(2026, 5, 1)}))

    assert in_window(holidays, at("2026-05-01 00:00"))
    assert not in_window(holidays, at("2026-05-01 00:00") - timedelta(microseconds=1))

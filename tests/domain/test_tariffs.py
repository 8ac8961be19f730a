"""What a kWh costs, and when (电价)."""

import itertools
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.tariffs import (
    MAX_SLOTS,
    BadComponents,
    BadSlots,
    Component,
    ComponentKind,
    InexactPrice,
    NoTariff,
    Period,
    Slot,
    TariffError,
    TariffVersion,
    cut,
    in_order,
    period_at,
    price_microyuan_per_kwh,
    price_parts,
    version_at,
)

from .samples import DEMO_COMPONENTS, at, demo_tariff

ENERGY = ComponentKind.ENERGY
MINUTES = st.integers(min_value=0, max_value=60 * 24 * 40)


@pytest.mark.parametrize(
    ("period", "microyuan"),
    [(Period.PEAK, 952_000), (Period.FLAT, 700_000), (Period.VALLEY, 448_000)],
)
def test_only_the_floating_components_follow_the_period(period: Period, microyuan: int) -> None:
    assert price_microyuan_per_kwh(demo_tariff(), period) == microyuan


def test_floating_parts_differs_from_floating_the_whole_price() -> None:
    whole_price_floats = demo_tariff(
        components=tuple(msgspec.structs.replace(part, floats=True) for part in DEMO_COMPONENTS)
    )

    shown = [price_microyuan_per_kwh(whole_price_floats, period) for period in (Period.PEAK, Period.VALLEY)]

    assert shown == [1_120_000, 280_000]
    assert price_microyuan_per_kwh(demo_tariff(), Period.PEAK) == 1_120_000 - 168_000
    assert price_microyuan_per_kwh(demo_tariff(), Period.VALLEY) == 280_000 + 168_000


def test_the_parts_of_a_peak_kwh_are_told_apart() -> None:
    parts = dict(price_parts(demo_tariff(), Period.PEAK))

    assert parts == {
        ENERGY: 640_000,
        ComponentKind.LINE_LOSS: 32_000,
        ComponentKind.TRANSMISSION: 210_000,
        ComponentKind.SYSTEM: 40_000,
        ComponentKind.FUNDS: 30_000,
    }


@pytest.mark.parametrize(
    ("time", "period"),
    [
        ("00:00", Period.VALLEY),
        ("07:59:59", Period.VALLEY),
        ("08:00", Period.FLAT),
        ("10:00", Period.PEAK),
        ("13:00", Period.FLAT),
        ("17:00", Period.PEAK),
        ("21:59:59", Period.PEAK),
        ("22:00", Period.FLAT),
        ("23:59:59", Period.FLAT),
    ],
)
def test_a_period_begins_with_its_first_second_of_local_time(time: str, period: Period) -> None:
    assert period_at(demo_tariff(), at(f"2026-03-02 {time}")) is period


def test_a_version_counts_from_its_first_instant() -> None:
    versions = in_order([demo_tariff("new", "2026-03-01 00:00"), demo_tariff("old", "2026-02-01 00:00")])

    assert version_at(versions, at("2026-02-28 23:59:59")).version_id == "old"
    assert version_at(versions, at("2026-03-01 00:00")).version_id == "new"


def test_no_price_is_guessed_before_the_first_version() -> None:
    with pytest.raises(NoTariff):
        version_at((demo_tariff(valid_from="2026-02-01 00:00"),), at("2026-01-31 23:59"))


def test_two_versions_may_not_start_together() -> None:
    with pytest.raises(TariffError):
        in_order([demo_tariff("a"), demo_tariff("b")])


def test_two_versions_may_not_share_an_id() -> None:
    with pytest.raises(TariffError):
        in_order([demo_tariff("a", "2026-01-01"), demo_tariff("a", "2026-02-01")])


def test_an_interval_is_cut_at_every_boundary_of_the_day() -> None:
    spans = cut((demo_tariff(),), at("2026-03-02 07:30"), at("2026-03-02 17:10"))

    assert [(span.period, span.to_at) for span in spans] == [
        (Period.VALLEY, at("2026-03-02 08:00")),
        (Period.FLAT, at("2026-03-02 10:00")),
        (Period.PEAK, at("2026-03-02 13:00")),
        (Period.FLAT, at("2026-03-02 17:00")),
        (Period.PEAK, at("2026-03-02 17:10")),
    ]


def test_an_interval_is_cut_where_a_new_version_begins() -> None:
    versions = (demo_tariff("old"), demo_tariff("new", "2026-03-02 08:30"))

    spans = cut(versions, at("2026-03-02 08:00"), at("2026-03-02 09:00"))

    assert [(span.version.version_id, span.from_at) for span in spans] == [
        ("old", at("2026-03-02 08:00")),
        ("new", at("2026-03-02 08:30")),
    ]


def test_an_interval_that_ends_on_a_boundary_is_not_cut() -> None:
    assert len(cut((demo_tariff(),), at("2026-03-02 08:00"), at("2026-03-02 10:00"))) == 1


def test_midnight_is_no_boundary_between_two_equal_periods() -> None:
    flat = demo_tariff(slots=(Slot(0, Period.FLAT),))

    assert len(cut((flat,), at("2026-03-02 22:00"), at("2026-03-05 03:00"))) == 1


def test_an_interval_may_not_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="cannot cut"):
        cut((demo_tariff(),), at("2026-03-02 08:00"), at("2026-03-02 07:00"))


@given(start=MINUTES, length=MINUTES, seconds=st.integers(0, 59))
def test_spans_cover_an_interval_exactly_and_neighbours_differ(start: int, length: int, seconds: int) -> None:
    versions = (demo_tariff("old"), demo_tariff("new", "2026-01-15 11:07"))
    from_at = at("2026-01-01 00:00") + timedelta(minutes=start, seconds=seconds)
    to_at = from_at + timedelta(minutes=length)

    spans = cut(versions, from_at, to_at)

    assert (spans[0].from_at, spans[-1].to_at) == (from_at, to_at)
    for before, after in itertools.pairwise(spans):
        assert before.to_at == after.from_at
        assert (before.version.version_id, before.period) != (after.version.version_id, after.period)
    for span in spans:
        assert period_at(span.version, span.from_at) is span.period
        assert version_at(versions, span.from_at) is span.version


def test_a_version_comes_back_from_json_as_it_was() -> None:
    version = demo_tariff()

    assert msgspec.json.decode(msgspec.json.encode(version), type=TariffVersion) == version


def test_a_bad_version_is_refused_when_read_from_json() -> None:
    text = msgspec.json.encode(demo_tariff()).replace(b'"start_minute":0', b'"start_minute":5')

    with pytest.raises(msgspec.ValidationError, match="first slot"):
        msgspec.json.decode(text, type=TariffVersion)


@pytest.mark.parametrize(
    "slots",
    [
        (),
        (Slot(1, Period.FLAT),),
        (Slot(0, Period.FLAT), Slot(60, Period.FLAT)),
        (Slot(0, Period.FLAT), Slot(60, Period.PEAK), Slot(60, Period.FLAT)),
        (Slot(0, Period.FLAT), Slot(90, Period.PEAK), Slot(60, Period.FLAT)),
        (Slot(0, Period.FLAT), Slot(1_440, Period.PEAK)),
        tuple(Slot(i * 60, Period.PEAK if i % 2 else Period.FLAT) for i in range(MAX_SLOTS + 1)),
    ],
    ids=["none", "late-start", "equal-neighbours", "twice", "out-of-order", "past-the-day", "fifteen"],
)
def test_slots_that_do_not_fit_a_day_are_refused(slots: tuple[Slot, ...]) -> None:
    with pytest.raises(BadSlots):
        demo_tariff(slots=slots)


def test_fourteen_slots_fit_a_day() -> None:
    slots = tuple(Slot(i * 60, Period.PEAK if i % 2 else Period.FLAT) for i in range(MAX_SLOTS))

    assert len(demo_tariff(slots=slots).slots) == MAX_SLOTS


def test_a_float_that_gives_part_of_a_microyuan_is_refused() -> None:
    with pytest.raises(InexactPrice):
        demo_tariff(components=(Component(ENERGY, "电能量", 400_001, True),))


def test_a_component_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadComponents):
        demo_tariff(components=(DEMO_COMPONENTS[0], DEMO_COMPONENTS[0]))


def test_a_tariff_without_components_is_refused() -> None:
    with pytest.raises(BadComponents):
        demo_tariff(components=())


def test_a_rebate_may_lower_the_price_but_not_below_zero() -> None:
    energy = Component(ENERGY, "电能量", 400_000, False)

    rebated = demo_tariff(components=(energy, Component(ComponentKind.SYSTEM, "系统运行费", -3_000, False)))
    assert price_microyuan_per_kwh(rebated, Period.FLAT) == 397_000
    with pytest.raises(BadComponents):
        demo_tariff(components=(energy, Component(ComponentKind.SYSTEM, "系统运行费", -400_001, False)))


def test_a_version_without_a_time_zone_is_refused() -> None:
    with pytest.raises(TariffError):
        TariffVersion(
            version_id="v",
            valid_from=at("2026-01-01").replace(tzinfo=None),
            components=DEMO_COMPONENTS,
            slots=(Slot(0, Period.FLAT),),
        )

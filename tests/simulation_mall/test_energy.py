"""Energy: exact integrals of the load, in whole nanojoules."""

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.energy import EnergyHistory, Segment
from simulator.load import LOAD_CLASSES, Load
from simulator.meter import DDSY1352, PREPAID, Meter, MeterSpec
from simulator.periods import NOTHING, PeriodTable
from simulator.time_line import DAY_US, NJ_PER_WH, SLOT_US

TABLE = PeriodTable()
CLOTHES = Load(LOAD_CLASSES["clothes"], "test", TABLE)
instants = st.integers(0, 60 * DAY_US)
MEAN_DAYS = 28


def history(start_us: int = 0) -> EnergyHistory:
    return EnergyHistory(CLOTHES, TABLE, Segment(start_us, NOTHING))


@given(instants, instants)
def test_energy_never_falls(one: int, other: int) -> None:
    early, late = sorted((one, other))
    counted = history()

    pairs = zip(counted.energy_nj(early), counted.energy_nj(late), strict=True)
    assert all(before <= after for before, after in pairs)


@given(instants, st.integers(0, SLOT_US))
@settings(max_examples=60)
def test_energy_is_power_times_time_within_a_slot(us: int, span_us: int) -> None:
    start = us - us % SLOT_US
    used = sum(CLOTHES.energy_nj(start + span_us)) - sum(CLOTHES.energy_nj(start))

    assert used == CLOTHES.power_mw(start) * span_us


def test_a_days_energy_is_the_sum_of_its_slots_by_period() -> None:
    sums = [0, 0, 0, 0]
    for slot in range(96):
        start = 3 * DAY_US + slot * SLOT_US
        sums[TABLE.by_slot[slot]] += CLOTHES.power_mw(start) * SLOT_US
    before, after = CLOTHES.energy_nj(3 * DAY_US), CLOTHES.energy_nj(4 * DAY_US)

    assert [b - a for a, b in zip(before, after, strict=True)] == sums


@given(instants, instants, st.integers(-7200, 7200))
@settings(max_examples=60)
def test_a_wrong_clock_moves_energy_between_periods_and_not_the_total(
    one: int, other: int, offset_s: int
) -> None:
    start, end = sorted((one, other))
    right, wrong = history(start), history(start)
    wrong.change(start, offset_us=offset_s * 1_000_000)

    assert sum(right.energy_nj(end)) == sum(wrong.energy_nj(end))


@given(instants, instants, instants)
@settings(max_examples=60)
def test_nothing_is_counted_while_the_supply_is_off(one: int, two: int, three: int) -> None:
    off, on, end = sorted((one, two, three))
    counted, whole = history(), history()
    counted.change(off, flowing=False)
    counted.change(on, flowing=True)

    missing = sum(whole.energy_nj(on)) - sum(whole.energy_nj(off))
    assert sum(counted.energy_nj(end)) == sum(whole.energy_nj(end)) - missing


@given(instants, instants, st.integers(1, 50), st.integers(0, 100_000))
@settings(max_examples=60)
def test_an_overload_is_counted_exactly(one: int, other: int, times: int, extra_w: int) -> None:
    start, end = sorted((one, other))
    plain, loaded = history(start), history(start)
    loaded.change(start, times=times, extra_w=extra_w)

    expected = sum(plain.energy_nj(end)) * times + extra_w * 1000 * (end - start)
    assert sum(loaded.energy_nj(end)) == expected


@given(instants, st.lists(instants, max_size=6))
@settings(max_examples=60)
def test_what_was_shown_before_a_change_stays_so(us: int, changes: list[int]) -> None:
    counted = history()
    first = [counted.energy_nj(us)]
    for number, at in enumerate(sorted(at for at in changes if at > us)):
        counted.change(at, flowing=bool(number % 2), extra_w=number)
        first.append(counted.energy_nj(us))

    assert len(set(first)) == 1


def test_shops_use_what_their_class_says() -> None:
    for name, load_class in LOAD_CLASSES.items():
        load = Load(load_class, f"mean:{name}", TABLE, even_size=True)
        used_wh = sum(load.energy_nj(MEAN_DAYS * DAY_US)) // NJ_PER_WH // MEAN_DAYS
        assert abs(used_wh - load_class.energy_wh_a_day) < load_class.energy_wh_a_day * 0.05, name


def test_a_meter_counts_from_its_installation() -> None:
    spec = MeterSpec("1", 1, DDSY1352, PREPAID, "clothes")
    meter = Meter(spec, "seed", installed_us=10 * DAY_US)

    assert meter.register_wh(0) == meter.register_wh(10 * DAY_US)
    assert meter.register_wh(11 * DAY_US)[0] > meter.register_wh(10 * DAY_US)[0]

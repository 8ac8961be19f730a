"""Profiles: the shipped ones are sound, a wrong one says what is wrong, a new model needs no code."""

from pathlib import Path

import pytest

from collector.layout import layout_of
from collector.layout_modbus import ModbusLayout
from collector.modbus_requests import merge
from collector.profile import SHIPPED, ProfileError, load_profile, parse_profile
from collector.profile_modbus import Block, ModbusProfile, gap_words_at
from collector.protocols.answer import BadFrame
from collector.protocols.modbus import Read, Write
from collector.values import Part
from common.wire import Relay
from simulator import registers
from simulator.meter import (
    ADF400L_1P,
    ADF400L_3P,
    DDSY1352,
    DTSD1352,
    DTSY1352,
    GENERIC,
    PREPAID,
    PUBLIC,
    Meter,
    MeterSpec,
)

NOW_US = 300 * 86_400 * 1_000_000 + 12 * 3_600 * 1_000_000
STATUS_AT = 0x0100

HEAD = 'protocol = "modbus"\nword_order = "high-first"\n'
ENERGY = '[quantities]\nregister_wh = { at = 0, type = "u32", step = 10 }\n'


def modbus(name: str, status_at: int | None = None) -> ModbusLayout:
    profile = load_profile(name)
    assert isinstance(profile, ModbusProfile)
    return ModbusLayout(profile, status_at)


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_a_shipped_profile_loads(name: str) -> None:
    layout = layout_of(load_profile(name))

    assert layout.reads
    assert layout.parts[Part.MONEY]


@pytest.mark.parametrize(
    ("model", "status_at", "phases"),
    [
        (DDSY1352, None, 1),
        (DDSY1352, STATUS_AT, 1),
        (DTSY1352, None, 1),
        (DTSY1352, STATUS_AT, 3),
        (DTSD1352, None, 3),
        (GENERIC, None, 1),
    ],
)
def test_a_profile_reads_what_the_meter_shows(model: str, status_at: int | None, phases: int) -> None:
    prepaid = model in (DDSY1352, DTSY1352)
    kind = PREPAID if prepaid else PUBLIC
    load = "restaurant" if prepaid else "lifts"
    meter = Meter(_spec(model, kind, load), "profiles")
    layout = modbus(model, status_at)

    values = layout.values(
        [(read, registers.read(meter, read.at, read.count, NOW_US)) for read in layout.reads]
    )

    total, periods = meter.register_wh(NOW_US)
    now = meter.electrical(NOW_US)
    assert values.register_wh == total
    assert values.period_registers_wh in (periods, None)
    assert values.power_w is not None
    assert abs(values.power_w - sum(now.power_mw) // 1000) <= 1
    assert values.voltage_mv == tuple(mv // 100 * 100 for mv in now.voltage_mv[:phases])
    assert values.relay is (Relay.ON if status_at else Relay.UNKNOWN)
    assert values.forced is (True if prepaid else None)


def _spec(model: str, kind: str, load: str) -> MeterSpec:
    from simulator.load import LOAD_CLASSES

    name = load if load in LOAD_CLASSES else next(iter(LOAD_CLASSES))
    return MeterSpec(
        serial="000000000001", unit=1, profile=model, kind=kind, load_class=name, status_block_at=STATUS_AT
    )


def test_a_whole_prepaid_meter_takes_two_requests() -> None:
    assert modbus(DDSY1352).reads == (Read(0x0000, 17), Read(0x0046, 28))


def test_a_known_status_block_gives_a_whole_meter_in_one_request() -> None:
    layout = modbus(DDSY1352, 0x0200)

    assert layout.reads == (Read(0x0200, 48),)
    assert layout.contact == Read(0x0224, 1)


def test_relay_orders_are_the_documented_words() -> None:
    layout = modbus(DDSY1352)

    assert layout.order(Relay.OFF) == Write(0x0057, (1, 1))
    assert layout.order(Relay.ON) == Write(0x0057, (1, 0))
    assert layout.order(Relay.PERMITTED) is None


@pytest.mark.parametrize(
    ("word", "relay"), [(0xE008, Relay.ON), (0x000F, Relay.OFF), (0x6008, Relay.UNKNOWN)]
)
def test_poles_that_differ_are_unknown(word: int, relay: Relay) -> None:
    assert modbus(DTSY1352, STATUS_AT).look([word]).relay is relay


def test_a_status_block_of_another_model_is_refused() -> None:
    layout = modbus(DDSY1352, STATUS_AT)

    with pytest.raises(BadFrame, match="0x0100"):
        layout.values([(layout.reads[0], [5] + [0] * 47)])


def test_what_no_second_source_confirms_is_marked() -> None:
    assert "relay.contact" in load_profile(DDSY1352).unconfirmed()
    assert "register_wh" not in load_profile(DDSY1352).unconfirmed()


def test_requests_are_merged_over_small_gaps_but_never_over_a_hole() -> None:
    parts = [Block(0, 2), Block(11, 3), Block(200, 2)]
    areas = [Block(0, 100)]

    assert merge(parts, areas) == (Block(0, 14), Block(200, 2))
    assert merge(parts, areas, [Block(10, 1)]) == (Block(0, 2), Block(11, 3), Block(200, 2))


def test_a_gap_is_read_over_only_where_the_profile_says_that_it_may() -> None:
    parts = [Block(0, 2), Block(2, 2), Block(11, 3)]

    assert merge(parts) == (Block(0, 4), Block(11, 3))
    assert merge(parts, [Block(0, 12)]) == (Block(0, 4), Block(11, 3))


@pytest.mark.parametrize("baud", [19_200, 38_400, 115_200])
@pytest.mark.parametrize("model", [DDSY1352, DTSY1352])
def test_however_fast_the_line_the_two_blocks_of_a_meter_stay_two(model: str, baud: int) -> None:
    parts = layout_of(load_profile(model), None, gap_words_at(baud)).parts

    assert parts[Part.MONEY] == (Read(0x0000, 14), Read(0x0057, 2))
    assert parts[Part.ELECTRICAL] == (Read(0x004F, 2),)


def test_a_meter_that_refuses_a_joined_read_is_read_by_its_own_blocks_then_by_its_rows() -> None:
    layout = modbus(DDSY1352)

    own = layout.without(layout.parts[Part.MONEY][0], 2)
    assert own is not None
    assert own.parts[Part.MONEY] == (Read(0x0000, 17), Read(0x0046, 28))
    assert own.parts[Part.ELECTRICAL] == ()
    assert (own.contact, own.forced) == (layout.contact, layout.forced)

    for refused in own.parts[Part.MONEY]:
        rows = own.without(refused, 3)
        assert rows is not None
        assert rows.parts[Part.MONEY] == (Read(0x0000, 10), Read(0x000D, 1), Read(0x0057, 2))
        assert rows.without(rows.parts[Part.MONEY][0], 2) is None


def test_a_request_is_never_longer_than_the_protocol_allows() -> None:
    parts = [Block(at, 2) for at in range(0, 400, 2)]

    assert all(block.words <= 125 for block in merge(parts))
    assert sum(block.words for block in merge(parts)) >= 2 * len(parts)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("protocol = 7", "protocol"),
        ("word_order = ", "Invalid"),
        (HEAD, "quantities"),
        (HEAD + ENERGY.replace("u32", "u33"), "u33"),
        (HEAD + ENERGY + "volts = 3\n", "volts"),
        (HEAD + "holes = [{ at = 1, words = 1 }]\n" + ENERGY, "register_wh: 0x0000 lies in a hole"),
        (HEAD + "reads = [{ at = 4, words = 4 }]\n" + ENERGY, "register_wh: 0x0000 is in none of the reads"),
        (HEAD + ENERGY + 'period_registers_wh = { at = [2, 4], type = "u32" }\n', "four addresses"),
        (HEAD + ENERGY + 'power_w = { at = [2, 4], type = "i16" }\n', "one address"),
        (HEAD + ENERGY + '[clock]\nblock = "status"\nword = 40\ncoding = "bcd"\n', "no [status] block"),
        (
            HEAD
            + ENERGY
            + "[relay]\ntrip = { write = 16, at = 1, words = [1] }\n"
            + "restore = { write = 16, at = 1, words = [1] }\nforced = { at = 1, words = 1 }\n",
            "same words",
        ),
        (
            HEAD
            + ENERGY
            + "[relay]\ntrip = { write = 16, at = 1, words = [1] }\n"
            + "restore = { write = 16, at = 2, words = [0] }\nforced = { at = 1, words = 1 }\n",
            "relay.restore",
        ),
    ],
)
def test_a_wrong_profile_says_where(text: str, what: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse_profile("wrong.toml", text)

    assert str(caught.value).startswith("wrong.toml: ")
    assert what in str(caught.value)


def test_a_new_model_is_a_file_in_the_sites_own_folder(tmp_path: Path) -> None:
    (tmp_path / "acme-1.toml").write_text(
        'protocol = "modbus"\nword_order = "low-first"\n[quantities]\n'
        'register_wh = { read = 4, at = 0, type = "f32", step = 1000 }\n'
        'power_w = { read = 4, at = 2, type = "bcd32", step = 1, per = 10 }\n',
        encoding="utf-8",
    )
    layout = layout_of(load_profile("acme-1", [tmp_path]))

    assert layout.reads == (Read(0, 4, 4),)
    # 1.5 as a float and 1234 as BCD, low word first.
    values = layout.values([(layout.reads[0], [0x0000, 0x3FC0, 0x1234, 0x0000])])
    assert (values.register_wh, values.power_w) == (1500, 123)


def test_a_profile_name_never_leaves_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="not a profile name"):
        load_profile("../secret", [tmp_path])


def test_what_money_rests_on_is_read_alone_and_the_rest_rides_along_where_it_can() -> None:
    parts = modbus(DDSY1352).parts

    # Voltage and current lie between energy and power; the own money costs a request of its own.
    assert parts[Part.MONEY] == (Read(0x0000, 14), Read(0x0057, 2))
    assert parts[Part.ELECTRICAL] == (Read(0x004F, 2),)
    assert parts[Part.DAILY] == (Read(0x2006, 21),)


def test_of_a_status_block_money_takes_the_words_up_to_the_load_control() -> None:
    parts = modbus(DTSY1352, STATUS_AT).parts

    assert parts[Part.MONEY] == (Read(STATUS_AT, 38),)
    assert parts[Part.ELECTRICAL] == ()
    assert parts[Part.DAILY] == (Read(STATUS_AT + 40, 4), Read(0x2000, 21))


def test_a_slower_line_joins_smaller_gaps() -> None:
    assert [gap_words_at(baud) for baud in (2400, 9600, 19200)] == [14, 24, 39]
    apart = Block(0, 2), Block(20, 2)
    assert merge(apart, [Block(0, 22)], gap_words=gap_words_at(2400)) == apart
    assert merge(apart, [Block(0, 22)], gap_words=gap_words_at(9600)) == (Block(0, 22),)


def test_parts_read_one_after_the_other_say_what_a_full_read_says() -> None:
    meter = Meter(_spec(DTSY1352, PREPAID, "restaurant"), "profiles")
    layout = modbus(DTSY1352, STATUS_AT)

    def ask(*requests: object) -> list[tuple[Read, list[int]]]:
        found = [request for request in requests if isinstance(request, Read)]
        return [(r, registers.read(meter, r.at, r.count, NOW_US)) for r in found]

    whole = layout.values(ask(*layout.reads))
    money = layout.values(ask(*layout.parts[Part.MONEY]))
    daily = layout.values(ask(*layout.parts[Part.MONEY], *layout.parts[Part.DAILY]))

    assert money.register_wh == whole.register_wh
    assert (money.relay, money.load_tripped, money.clock_at) == (Relay.ON, False, None)
    assert daily.clock_at == whole.clock_at
    assert daily.period_table == tuple((slot * 15, period + 1) for slot, period in meter.table.starts)


@pytest.mark.parametrize(
    ("words", "tripped"),
    [((0x0018, 0), True), ((0x0008, 2), True), ((0x0008, 0), False), ((0xE018, 0), False)],
)
def test_a_contact_opened_by_the_meters_own_load_control_is_a_load_trip(
    words: tuple[int, int], tripped: bool
) -> None:
    layout = modbus(DDSY1352, STATUS_AT)
    block = [7, *[0] * 35, *words, *[0] * 10]

    assert layout.values([(layout.reads[0], block)]).load_tripped is tripped


def test_a_status_block_that_is_not_there_is_given_up_for_the_plain_addresses() -> None:
    layout = modbus(DDSY1352, STATUS_AT)

    # First as the whole block that the profile knows: a meter may answer that and nothing else of it.
    whole = layout.without(layout.parts[Part.MONEY][0], 2)
    assert whole is not None
    assert whole.parts[Part.MONEY] == (Read(STATUS_AT, 48),)
    plain = whole.without(whole.parts[Part.MONEY][0], 2)

    assert plain is not None
    assert plain.contact is None
    assert plain.parts[Part.MONEY][0] == Read(0x0000, 14)


def test_what_only_some_meters_have_is_left_out_once_they_have_said_so() -> None:
    layout = modbus(DDSY1352)
    table = layout.parts[Part.DAILY][0]

    other = layout.without(table, 2)

    assert other is not None
    assert Part.DAILY not in other.offers
    assert layout.without(table, 4) is None  # It may only be busy.
    assert layout.without(layout.parts[Part.MONEY][1], 2) is None


def test_a_multi_user_meter_has_its_own_clock_table_and_control_word() -> None:
    layout = modbus("acrel-adf400l-3p")
    # 2026-11-25 10:15:30, a Wednesday; the factory's day table with only two switches left.
    clock = [30 << 8 | 15, 10 << 8 | 3, 25 << 8 | 11, 26 << 8]
    table = [0x0400, 0x0002, 0x0008, *[0] * 18]
    answers = [
        (Read(0x0345, 1), [0xFFFF]),
        (Read(0x035E, 2), [0, 6_600]),
        (Read(0x0804, 1), [1]),
        (Read(0x0362, 2), [0xFFFF, 0xFF9C]),
        (Read(0x090B, 4), clock),
        (Read(0x0914, 21), table),
    ]

    values = layout.values(answers)

    assert (values.register_wh, values.power_w, values.own_remaining_fen) == (66_000, -1, -100)
    assert (values.forced, values.forced_words) == (True, (1,))
    assert layout.agrees(values, Relay.ON, layout.order(Relay.ON))
    assert values.clock_at is not None
    assert values.clock_at.isoformat() == "2026-11-25T10:15:30+08:00"
    assert values.period_table == ((0, 4), (480, 2))


@pytest.mark.parametrize("model", [ADF400L_1P, ADF400L_3P])
def test_a_multi_user_meter_is_read_as_a_simulation_made_apart_shows_it(model: str) -> None:
    meter = Meter(_spec(model, PREPAID, "restaurant"), "profiles")
    layout = modbus(model)
    requests = [r for part in Part for r in layout.parts[part] if isinstance(r, Read)]

    values = layout.values([(r, registers.read(meter, r.at, r.count, NOW_US)) for r in requests])

    total, periods = meter.register_wh(NOW_US)
    assert (values.register_wh, values.period_registers_wh) == (total, periods)
    assert values.power_w == pytest.approx(
        sum(meter.electrical(NOW_US).power_mw) / 1000, abs=3
    )  # A phase each.
    assert values.forced_words == ((1,) if meter.forced_mode else (0,))
    assert values.clock_at is not None
    assert values.period_table == tuple((slot * 15, period + 1) for slot, period in meter.table.starts)

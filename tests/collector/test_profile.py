"""Profiles: the shipped ones are sound, a wrong one says what is wrong, a new model needs no code."""

from pathlib import Path

import pytest

from collector.layout import layout_of
from collector.layout_modbus import ModbusLayout
from collector.profile import SHIPPED, ProfileError, load_profile, parse_profile
from collector.profile_modbus import Block, ModbusProfile, merge
from collector.protocols.answer import BadFrame
from collector.protocols.modbus import Read, Write
from collector.values import Part
from common.wire import Relay
from simulator import registers
from simulator.meter import DDSY1352, DTSD1352, DTSY1352, GENERIC, PREPAID, PUBLIC, Meter, MeterSpec

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
    assert modbus(DTSY1352, STATUS_AT).relay_of(word) is relay


def test_a_status_block_of_another_model_is_refused() -> None:
    layout = modbus(DDSY1352, STATUS_AT)

    with pytest.raises(BadFrame, match="0x0100"):
        layout.values([(layout.reads[0], [5] + [0] * 47)])


def test_what_no_second_source_confirms_is_marked() -> None:
    assert "relay.contact" in load_profile(DDSY1352).unconfirmed()
    assert "register_wh" not in load_profile(DDSY1352).unconfirmed()


def test_requests_are_merged_over_small_gaps_but_never_over_a_hole() -> None:
    parts = [Block(0, 2), Block(11, 3), Block(200, 2)]

    assert merge(parts) == (Block(0, 14), Block(200, 2))
    assert merge(parts, [Block(10, 1)]) == (Block(0, 2), Block(11, 3), Block(200, 2))


def test_a_request_is_never_longer_than_the_protocol_allows() -> None:
    parts = [Block(at, 2) for at in range(0, 400, 20)]

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

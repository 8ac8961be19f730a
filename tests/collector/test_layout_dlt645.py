"""A DL/T 645 meter through its profile: what is asked, what is asked instead, what the bytes mean."""

from datetime import datetime

import pytest

from collector.layout import layout_of
from collector.layout_dlt645 import Dlt645Layout
from collector.profile import load_profile
from collector.profile_dlt645 import Dlt645Profile
from collector.protocols.answer import BadFrame
from collector.protocols.dlt645 import Command, Control, Read
from collector.reading import FullRead
from collector.requests import Request
from collector.values import Part
from common.clock import LOCAL_ZONE
from common.wire import FrozenDay, ReadingKind, Relay

ENERGY_BLOCK, ENERGY, POWER, STATUS = 0x0001FF00, 0x00010000, 0x02030000, 0x04000503
# High digits first, as people write them; on the wire the low byte comes first.
ANSWERS = {
    ENERGY_BLOCK: "00003000 00002000 00001000 00000600 00006600",
    ENERGY: "00006600",
    0x00010100: "00000600",
    POWER: "800150",
    STATUS: "0000",
    0x02010100: "2301",
    0x02010200: "2302",
    0x02010300: "2303",
    0x0201FF00: "2303 2302 2301",
    0x02020100: "801500",
    0x0202FF00: "000000 000000 001500",
    0x00900200: "00012345",
    0x04000102: "101530",
    0x04000101: "26112503",
    0x04010001: "000000" * 11 + "210004" + "083002" + "000004",
    0x05060001: "2611250000",
    0x05060002: "2611240000",
    0x05060101: "00000000 00000000 00000000 00000000 00006500",
    0x05060102: "00000000 00000000 00000000 00000000 00006400",
}


def dlt(name: str = "dlt645-2007-1p") -> Dlt645Layout:
    profile = load_profile(name)
    assert isinstance(profile, Dlt645Profile)
    return Dlt645Layout(profile)


def ask(request: Request, **other: str) -> tuple[Request, bytes]:
    assert isinstance(request, Read)
    text = other.get(f"x{request.identifier:08X}", ANSWERS[request.identifier])
    return request, bytes.fromhex(text)[::-1]


def test_money_of_a_single_phase_meter_takes_three_requests() -> None:
    layout = dlt()

    assert layout.parts[Part.MONEY] == (Read(ENERGY_BLOCK, 20), Read(POWER, 3), Read(STATUS, 2))
    assert layout.probe == Read(ENERGY, 4)
    assert layout.contact == Read(STATUS, 2)
    assert layout.load == Read(0x02020100, 3)
    assert layout_of(layout.profile).parts == layout.parts


def test_what_a_single_phase_meter_says() -> None:
    layout = dlt()
    requests = [*layout.reads, *layout.parts[Part.DAILY], *layout.frozen(2)[2:]]

    values = layout.values([ask(request) for request in requests])

    assert values.register_wh == 66_000
    assert values.period_registers_wh == (6_000, 10_000, 20_000, 30_000)
    assert values.power_w == -15
    assert (values.voltage_mv, values.current_ma) == ((230_100,), (1_500,))
    assert values.own_remaining_fen == 12_345
    assert (values.relay, values.held, values.load_tripped, values.forced) == (Relay.ON, False, None, None)
    assert values.clock_at == datetime(2026, 11, 25, 10, 15, 30, tzinfo=LOCAL_ZONE)
    assert values.period_table == ((0, 4), (510, 2), (1260, 4))
    assert values.frozen == (
        FrozenDay(
            at=datetime(2026, 11, 24, tzinfo=LOCAL_ZONE), register_wh=64_000, period_registers_wh=(0,) * 4
        ),
        FrozenDay(
            at=datetime(2026, 11, 25, tzinfo=LOCAL_ZONE), register_wh=65_000, period_registers_wh=(0,) * 4
        ),
    )


def test_a_three_phase_meter_gives_its_phases_in_blocks() -> None:
    layout = dlt("dlt645-2007-3p")

    values = layout.values([ask(request) for request in layout.reads])

    assert values.voltage_mv == (230_100, 230_200, 230_300)
    assert values.current_ma == (1_500, 0, 0)
    assert layout.load == Read(0x0202FF00, 9)
    assert layout.flowing(ask(layout.load)[1])
    assert not layout.flowing(bytes(9))


def test_a_refused_block_is_read_by_its_single_identifiers() -> None:
    layout = dlt("dlt645-2007-3p").without(Read(ENERGY_BLOCK, 20), 2)
    assert layout is not None

    assert layout.parts[Part.MONEY][:2] == (Read(ENERGY, 4), Read(0x00010100, 4))
    assert len(layout.parts[Part.MONEY]) == 7


def test_what_a_meter_does_not_have_is_left_out() -> None:
    layout = dlt().without(Read(POWER, 3), 2)
    assert layout is not None

    assert layout.parts[Part.MONEY] == (Read(ENERGY_BLOCK, 20), Read(STATUS, 2))
    assert layout.values([ask(request) for request in layout.reads]).power_w is None


def test_currents_without_a_block_leave_power_to_show_the_load() -> None:
    layout = dlt("dlt645-2007-3p").without(Read(0x0202FF00, 9), 2)
    assert layout is not None

    assert layout.load == Read(POWER, 3)
    assert layout.flowing(bytes.fromhex("500300"))  # 35 W
    assert not layout.flowing(bytes.fromhex("500000"))


def test_frozen_values_of_the_total_alone_are_asked_for_next() -> None:
    layout = dlt().without(Read(0x05060101, 20), 2)
    assert layout is not None

    assert layout.frozen(1) == (Read(0x05060001, 5), Read(0x05060101, 4))


def test_a_meter_that_has_seen_no_midnight_yet_is_asked_again_when_it_has() -> None:
    layout = dlt()
    read = FullRead("m1", layout, ReadingKind.POLL, 0.0, parts=(Part.MONEY, Part.DAILY), midnights=3)
    asked = []

    while True:
        request = read.next()
        asked.append(request)
        missing = isinstance(request, Read) and request.identifier in range(0x05060001, 0x05060004)
        if missing:
            assert layout.without(request, 2) is None
        if (
            read.refuse()
            if missing
            else read.take(ask(request)[1], datetime(2026, 11, 25, tzinfo=LOCAL_ZONE))
        ):
            break

    # Three instants refused, and not one of their registers asked for.
    found = [request.identifier for request in asked if isinstance(request, Read)]
    assert [di for di in found if di >> 16 == 0x0506] == [0x05060001, 0x05060002, 0x05060003]
    assert layout.values(read.answers).frozen == ()


@pytest.mark.parametrize("request_", [Read(ENERGY, 4), Read(STATUS, 2), Control(Command.TRIP), None])
def test_without_register_or_status_word_there_is_nothing_else_to_ask(request_: Request | None) -> None:
    assert dlt().without(request_, 2) is None


@pytest.mark.parametrize(
    ("word", "relay", "commanded", "held"),
    [
        ("0000", Relay.ON, Relay.ON, False),
        ("0050", Relay.OFF, Relay.OFF, False),
        ("0010", Relay.PERMITTED, Relay.ON, False),
        ("1040", Relay.ON, Relay.OFF, True),
    ],
)
def test_the_status_word_shows_contact_command_and_keep_supply(
    word: str, relay: Relay, commanded: Relay, held: bool
) -> None:
    look = dlt().look(bytes.fromhex(word)[::-1])

    assert (look.relay, look.commanded, look.held) == (relay, commanded, held)


def test_a_meter_that_waits_for_its_button_neither_agrees_nor_differs() -> None:
    layout = dlt()
    read = [*layout.parts[Part.MONEY][:2], Read(STATUS, 2)]
    waiting = layout.values([ask(request, x04000503="0010") for request in read])

    assert layout.agrees(waiting, Relay.ON, layout.order(Relay.PERMITTED)) is None
    assert layout.agrees(waiting, Relay.ON, layout.order(Relay.ON)) is False
    assert layout.agrees(waiting, Relay.OFF, layout.order(Relay.OFF)) is False


def test_orders_are_commands_and_keep_supply_is_never_one() -> None:
    layout = dlt()

    assert layout.order(Relay.OFF) == Control(Command.TRIP)
    assert layout.order(Relay.ON) == Control(Command.RESTORE)
    assert layout.order(Relay.PERMITTED) == Control(Command.PERMIT)
    assert layout.release == Control(Command.RELEASE)
    assert "relay.restore" in load_profile("dlt645-2007-3p").unconfirmed()


def test_a_clock_read_around_midnight_is_no_clock() -> None:
    layout = dlt()
    reads = [*layout.parts[Part.MONEY], *layout.parts[Part.DAILY]]

    assert layout.values([ask(r, x04000102="235930") for r in reads]).clock_at is None
    assert layout.values([ask(r, x04000101="00000000") for r in reads]).clock_at is None


@pytest.mark.parametrize("table", ["000004" * 14, "250004" + "000000" * 13, "000009" * 14, "FFFFFF" * 14])
def test_a_day_table_that_makes_no_sense_is_none(table: str) -> None:
    layout = dlt()
    reads = [*layout.parts[Part.MONEY], *layout.parts[Part.DAILY]]

    found = layout.values([ask(r, x04010001=table) for r in reads]).period_table

    assert found == (((0, 4),) if table == "000004" * 14 else None)


def test_what_is_no_bcd_is_never_a_value() -> None:
    layout = dlt()

    with pytest.raises(BadFrame, match="BCD"):
        layout.values([ask(r, x02030000="0A0000") for r in layout.parts[Part.MONEY]])
    with pytest.raises(BadFrame, match="register"):
        layout.values([ask(Read(POWER, 3))])

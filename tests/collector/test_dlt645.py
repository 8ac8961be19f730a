"""Raw frames of DL/T 645-2007: what is sent, what counts as an answer, and what the parser survives."""

from datetime import UTC, datetime, timedelta

import pytest
from dlt645 import DLT645Protocol
from hypothesis import given
from hypothesis import strategies as st

from collector.protocols import dlt645
from collector.protocols.answer import Rejected
from collector.protocols.dlt645 import (
    Broadcast,
    Command,
    Control,
    Frame,
    Parser,
    Read,
    Request,
    answer_bytes,
    answers,
    decode,
    encode,
    has_more,
)
from common.clock import LOCAL_ZONE

METER = "202611250068"  # An address with the start byte in it.
ENERGY = Read(0x00010000, 4)

addresses = st.text("0123456789", min_size=12, max_size=12)
identifiers = st.integers(min_value=0, max_value=0xFFFFFFFF)
START_OF_TIME = datetime(2000, 1, 1, tzinfo=LOCAL_ZONE)
instants = st.integers(0, 100 * 365 * 86_400).map(lambda s: START_OF_TIME + timedelta(seconds=s))
requests_: st.SearchStrategy[Request] = st.one_of(
    st.builds(Read, identifiers, st.integers(1, 195), st.integers(0, 255)),
    st.builds(Control, st.sampled_from(Command), instants),
    st.builds(Broadcast, instants),
)


def raw(text: str) -> bytes:
    return bytes.fromhex(text.replace("|", ""))


def framed(address: str, control: int, data: bytes, preamble: int = 4) -> bytes:
    """Build a frame with the other implementation."""
    wire = bytes(reversed(bytes.fromhex(address)))
    return bytes(DLT645Protocol.build_frame(wire, control, data, preamble))


def parsed(data: bytes) -> list[Frame]:
    parser = Parser()
    parser.feed(data)
    found = []
    while (frame := parser.next()) is not None:
        found.append(frame)
    return found


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (Read(0x00010000, 4), "68 12 90 78 56 34 12 68 11 04 33 33 34 33 | 68 16"),
        (Read(0x04000503, 2), "68 12 90 78 56 34 12 68 11 04 36 38 33 37 | 73 16"),
        (Read(0x00010000, 4, 1), "68 12 90 78 56 34 12 68 12 05 33 33 34 33 34 | 9E 16"),
        (
            Control(Command.TRIP),
            "68 12 90 78 56 34 12 68 1C 10 35 33 33 33 33 33 33 33 4D 33 8C 8C 56 64 45 CC | 0A 16",
        ),
    ],
)
def test_a_request_is_encoded_as_published_frames_are(request_: Request, wire: str) -> None:
    sent = encode("123456789012", request_)

    assert sent[:4] == b"\xfe\xfe\xfe\xfe"
    assert sent[4:-2] == raw(wire)[:-2]
    assert (sent[-2], sent[-1]) == (sum(sent[4:-2]) & 0xFF, 0x16)


@pytest.mark.parametrize(
    ("command", "n1"),
    [("TRIP", 0x4D), ("PERMIT", 0x4E), ("RESTORE", 0x4F), ("HOLD", 0x6D), ("RELEASE", 0x6E)],
)
def test_a_control_carries_level_password_operator_command_and_deadline(command: str, n1: int) -> None:
    until = datetime(2026, 11, 25, 10, 20, 30, tzinfo=LOCAL_ZONE)

    frame = encode(METER, Control(Command[command], until), "04112233", "A1B2C3D4")[4:]

    assert frame[8:10] == b"\x1c\x10"
    assert [(byte - 0x33) & 0xFF for byte in frame[10:18]] == list(raw("04112233 A1B2C3D4"))
    assert frame[18:20] == bytes([n1, 0x33])
    assert bytes((byte - 0x33) & 0xFF for byte in frame[20:26]) == raw("30 20 10 25 11 26")


def test_the_time_is_told_to_everybody_in_local_time() -> None:
    frame = parsed(encode(METER, Broadcast(datetime(2026, 11, 24, 16, 5, 9, tzinfo=UTC))))[0]

    assert frame == Frame("999999999999", 0x08, raw("09 05 00 25 11 26"))
    assert answer_bytes(Broadcast(datetime(2026, 1, 1, tzinfo=UTC))) == 0


@given(addresses, requests_)
def test_no_request_has_the_control_code_that_clears_a_meter(address: str, request: Request) -> None:
    assert encode(address, request)[12] in (0x08, 0x11, 0x12, 0x1C)


def test_there_is_no_name_for_clearing_a_meter() -> None:
    assert 0x1A not in set(dlt645._Code)
    with pytest.raises(TypeError):
        encode(METER, 0x1A)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="26"):
        dlt645._frame(METER, 0x1A, b"")  # type: ignore[arg-type]


@given(addresses, requests_)
def test_what_is_sent_is_parsed_as_the_same(address: str, request: Request) -> None:
    wire = encode(address, request)
    frame = parsed(wire)[0]

    other = DLT645Protocol.deserialize(wire)
    assert other is not None
    assert frame.address == (address if not isinstance(request, Broadcast) else "9" * 12)
    assert (frame.control, frame.data) == (other.ctrl_code, bytes(other.data))
    assert bytes(reversed(other.addr)).hex() == frame.address
    assert framed(frame.address, frame.control, frame.data) == wire


@given(addresses, identifiers, st.binary(min_size=1, max_size=195), st.integers(0, 4))
def test_an_answer_built_by_another_hand_is_understood(
    address: str, identifier: int, data: bytes, preamble: int
) -> None:
    request = Read(identifier, len(data))
    answer = framed(address, 0x91, identifier.to_bytes(4, "little") + data, preamble)

    (frame,) = parsed(answer)

    assert answers(address, request, frame)
    assert decode(request, frame) == data
    assert len(answer) == answer_bytes(request) - 4 + preamble


def test_a_long_answer_comes_in_several_frames() -> None:
    first, second = Read(0x0001FF00, 8), Read(0x0001FF00, 8, 1)
    one = parsed(framed(METER, 0xB1, raw("00FF0100") + bytes(12)))[0]
    two = parsed(framed(METER, 0x92, raw("00FF0100") + bytes(8) + b"\x01"))[0]
    of_another = parsed(framed(METER, 0x92, raw("00FF0100") + bytes(8) + b"\x02"))[0]

    assert answers(METER, first, one)
    assert has_more(one)
    assert decode(first, one) == bytes(12)
    assert answers(METER, second, two)
    assert not has_more(two)
    assert decode(second, two) == bytes(8)
    assert not answers(METER, second, of_another)
    assert not answers(METER, first, two)


@pytest.mark.parametrize(
    "frame",
    [
        Frame("202611250069", 0x91, raw("00000100 78563412")),
        Frame(METER, 0x91, raw("00000200 78563412")),
        Frame(METER, 0x92, raw("00000100 78563412")),
        Frame(METER, 0x91, raw("000001")),
        Frame(METER, 0x9C, b""),
        Frame(METER, 0x11, raw("00000100")),
        Frame(METER, 0xDC, b"\x04"),
        Frame(METER, 0xD1, b"\x04\x00"),
    ],
)
def test_an_answer_to_something_else_is_none(frame: Frame) -> None:
    assert not answers(METER, ENERGY, frame)


def test_a_control_is_acknowledged_without_data_or_refused_with_a_reason() -> None:
    trip = Control(Command.TRIP)
    yes, no = Frame(METER, 0x9C, b""), Frame(METER, 0xDC, b"\x04")

    assert answers(METER, trip, yes)
    assert decode(trip, yes) == b""
    assert answers(METER, trip, no)
    with pytest.raises(Rejected) as caught:
        decode(trip, no)
    assert caught.value.code == dlt645.NOT_AUTHORISED


@pytest.mark.parametrize(
    ("frame", "code"), [(Frame(METER, 0xD1, b"\x02"), 2), (Frame(METER, 0x91, raw("00000100 7856")), 2)]
)
def test_a_meter_without_the_data_says_so_or_answers_in_another_size(frame: Frame, code: int) -> None:
    assert answers(METER, ENERGY, frame)
    with pytest.raises(Rejected) as caught:
        decode(ENERGY, frame)
    assert caught.value.code == code


GOOD = framed(METER, 0x91, raw("00000100 68166816"), 2)  # Start and end bytes inside of the data.
BAD = GOOD[:-2] + bytes([GOOD[-2] ^ 1]) + GOOD[-1:]


@given(st.lists(st.integers(min_value=1, max_value=20), max_size=8))
def test_a_frame_is_found_however_it_is_cut(cuts: list[int]) -> None:
    parser, data = Parser(), GOOD + GOOD
    found = []
    for cut in [*cuts, len(data)]:
        parser.feed(data[:cut])
        data = data[cut:]
        while (frame := parser.next()) is not None:
            found.append(frame)

    assert [frame.data for frame in found] == [raw("00000100 68166816")] * 2
    assert (parser.noise_bytes, parser.bad_frames, parser.partial) == (0, 0, False)


@given(
    st.lists(st.one_of(st.just(GOOD), st.just(BAD), st.just(GOOD[:-5]), st.binary(max_size=12)), max_size=6)
)
def test_every_good_frame_is_found_between_noise_and_broken_ones(parts: list[bytes]) -> None:
    # A full frame of silence behind it: whatever began before can no longer become whole.
    found = parsed(b"".join(parts) + bytes(212))

    assert [frame.data for frame in found].count(raw("00000100 68166816")) >= parts.count(GOOD)
    assert all(frame.address == METER for frame in found)


def test_noise_and_broken_frames_are_counted() -> None:
    parser = Parser()
    parser.feed(b"\x03\x03\x00" + BAD + GOOD)

    assert parser.next() is not None
    assert parser.bad_frames == 1
    # Without the FE: the noise in front and the broken frame itself.
    assert parser.noise_bytes == 3 + len(BAD) - 2


def test_a_frame_whose_beginning_is_lost_does_not_hide_the_next_one() -> None:
    assert parsed(GOOD[9:] + GOOD) == parsed(GOOD)


def test_a_frame_whose_end_is_lost_does_not_hold_the_next_one_back() -> None:
    parser = Parser()
    long = framed(METER, 0x91, bytes(200))
    parser.feed(long[:20] + GOOD)

    assert parser.next() == parsed(GOOD)[0]


def test_what_is_left_of_a_late_answer_can_be_forgotten() -> None:
    parser = Parser()
    parser.feed(GOOD[:-3])
    assert parser.next() is None
    assert parser.partial

    parser.clear()

    assert not parser.partial
    assert parser.noise_bytes == len(GOOD) - 3 - 2


@pytest.mark.parametrize("address", ["", "1234", "12345678901A", "１２３４５６７８９０１２", "AAAAAAAAAAAA"])
def test_an_address_has_twelve_digits(address: str) -> None:
    with pytest.raises(ValueError, match="twelve digits"):
        encode(address, ENERGY)


def test_a_password_has_four_bytes() -> None:
    with pytest.raises(ValueError, match="four bytes"):
        encode(METER, Control(Command.TRIP), "0200")
    with pytest.raises(ValueError, match="size"):
        Read(0x00010000, 0)

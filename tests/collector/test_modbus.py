"""Raw frames of Modbus TCP: what counts as an answer, and what never does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.protocols.answer import BadFrame, Rejected, Silent
from collector.protocols.modbus import MbapParser, Read, Request, Transactions, Write, answers, decode, encode

READ_2 = Read(0x0000, 2)
GOOD = bytes.fromhex("0101 0000 0007 05 03 04 0001 0002".replace(" ", ""))


@pytest.mark.parametrize(
    ("request_", "pdu"),
    [
        (Read(0x0000, 17), "03 0000 0011"),
        (Read(0x0046, 28, 4), "04 0046 001c"),
        (Write(0x0057, (1, 0)), "10 0057 0002 04 0001 0000"),
    ],
)
def test_a_request_is_encoded_as_the_standard_says(request_: Request, pdu: str) -> None:
    assert encode(request_) == bytes.fromhex(pdu)


@given(st.lists(st.integers(min_value=1, max_value=20), max_size=6))
def test_a_frame_is_found_however_it_is_cut(cuts: list[int]) -> None:
    parser, data = MbapParser(), GOOD + GOOD
    found = []
    for cut in [*cuts, len(data)]:
        parser.feed(data[:cut])
        data = data[cut:]
        while (frame := parser.next()) is not None:
            found.append(frame)

    assert [(f.transaction, f.unit, f.pdu.hex()) for f in found] == [(0x0101, 5, "030400010002")] * 2
    assert not parser.rest


@pytest.mark.parametrize("noise", ["00", "ff", "0303", "000000", "0300", "01010000"])
def test_bytes_in_front_of_a_frame_break_the_stream(noise: str) -> None:
    parser = MbapParser()
    parser.feed(bytes.fromhex(noise) + GOOD)

    with pytest.raises(BadFrame):
        parser.next()


@pytest.mark.parametrize("length", ["0000", "0002", "00ff", "0100"])
def test_an_impossible_length_breaks_the_stream(length: str) -> None:
    parser = MbapParser()
    parser.feed(bytes.fromhex("01010000" + length + "0503040001"))

    with pytest.raises(BadFrame):
        parser.next()


@pytest.mark.parametrize(
    ("pdu", "fits"),
    [
        ("03 04 0001 0002", True),
        ("83 02", True),
        ("04 04 0001 0002", False),  # Another function.
        ("03 06 0001 0002 0003", False),  # Another block.
        ("03 06 0001 0002", False),  # A byte count that is not what came.
        ("03 04 0001", False),
        ("84 02", False),
        ("83 02 00", False),
    ],
)
def test_an_answer_must_match_in_function_length_and_byte_count(pdu: str, fits: bool) -> None:
    assert answers(READ_2, bytes.fromhex(pdu)) is fits


@pytest.mark.parametrize(
    ("pdu", "fits"),
    [("10 0057 0002", True), ("10 0057 0001", False), ("10 0058 0002", False), ("90 03", True)],
)
def test_an_echo_must_name_the_registers_written(pdu: str, fits: bool) -> None:
    assert answers(Write(0x0057, (1, 1)), bytes.fromhex(pdu)) is fits


def test_the_registers_are_handed_over() -> None:
    assert decode(READ_2, bytes.fromhex("030400010002")) == (1, 2)


@pytest.mark.parametrize("code", [0x05, 0x06, 0x0A, 0x0B])
def test_a_gateway_that_got_no_answer_is_silence_of_the_meter(code: int) -> None:
    with pytest.raises(Silent):
        decode(READ_2, bytes([0x83, code]))


@pytest.mark.parametrize("code", [0x01, 0x02, 0x03, 0x04])
def test_a_meter_that_says_no_is_a_rejection(code: int) -> None:
    with pytest.raises(Rejected):
        decode(READ_2, bytes([0x83, code]))


@settings(max_examples=50)
@given(st.integers(min_value=0, max_value=70_000))
def test_transaction_numbers_have_no_zero_byte(count: int) -> None:
    transactions = Transactions()
    transactions._count = count

    number = transactions.new()

    assert number >> 8 and number & 0xFF and number <= 0xFFFF

"""Modbus RTU frames found in whatever a line brings."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.protocols.rtu import Frame, Parser, crc, encode

GOOD = encode(5, bytes.fromhex("030400010002"))
OTHER = encode(6, bytes.fromhex("03020007"))
ECHO = encode(5, bytes.fromhex("1000570002"))
REFUSED = encode(5, bytes.fromhex("8302"))


def frames(parser: Parser) -> list[Frame]:
    found = []
    while (frame := parser.next()) is not None:
        found.append(frame)
    return found


def test_the_check_sum_is_the_one_of_the_standard() -> None:
    assert crc(bytes.fromhex("010300000002")) == bytes.fromhex("c40b")


@given(st.lists(st.integers(min_value=1, max_value=30), max_size=8))
def test_frames_are_found_however_they_are_cut(cuts: list[int]) -> None:
    parser, data = Parser(), GOOD + OTHER + ECHO + REFUSED
    found = []
    for cut in [*cuts, len(data)]:
        parser.feed(data[:cut])
        data = data[cut:]
        found += frames(parser)

    assert [(f.unit, f.pdu[0]) for f in found] == [(5, 0x03), (6, 0x03), (5, 0x10), (5, 0x83)]
    assert (parser.noise_bytes, parser.bad_frames) == (0, 0)


@pytest.mark.parametrize("noise", ["00", "03", "0303", "ff", "0503", "050304", "0510", "058302", "6816"])
def test_a_good_frame_behind_noise_is_kept(noise: str) -> None:
    parser = Parser()
    parser.feed(bytes.fromhex(noise) + GOOD)

    assert [f.pdu for f in frames(parser)] == [GOOD[1:-2]]
    assert parser.noise_bytes == len(noise) // 2


def test_a_good_frame_behind_a_broken_one_is_kept() -> None:
    parser = Parser()
    parser.feed(GOOD[:-1] + bytes([GOOD[-1] ^ 1]) + OTHER)

    assert [f.unit for f in frames(parser)] == [6]
    assert parser.bad_frames == 1


def test_a_broken_frame_alone_is_counted_once() -> None:
    parser = Parser()
    parser.feed(GOOD[:4] + bytes([GOOD[4] ^ 1]) + GOOD[5:])

    assert [frames(parser) for _ in range(3)] == [[], [], []]
    parser.clear()
    assert parser.bad_frames == 1
    assert parser.noise_bytes == len(GOOD)


def test_a_stale_and_a_right_frame_in_one_piece_are_both_found() -> None:
    parser = Parser()
    parser.feed(OTHER + GOOD)

    assert [f.unit for f in frames(parser)] == [6, 5]


@given(st.binary(max_size=12), st.binary(max_size=12))
def test_noise_on_both_sides_loses_nothing(before: bytes, behind: bytes) -> None:
    parser = Parser()
    parser.feed(before + GOOD + behind)
    # Noise may look like the beginning of a longer frame; the next answer shows that it was none.
    found = frames(parser)
    parser.feed(bytes(300))

    assert Frame(5, GOOD[1:-2]) in found + frames(parser)


def test_a_garbled_frame_never_becomes_another_one() -> None:
    """One to three characters garbled or one more put in: 20,000 frames, none is taken."""
    chance = random.Random(3)
    for _ in range(20_000):
        data = bytearray(GOOD)
        if chance.random() < 0.5:
            for _ in range(chance.randint(1, 3)):
                data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        else:
            data.insert(chance.randrange(1, len(data)), chance.randrange(256))
        parser = Parser()
        parser.feed(bytes(data))
        found = frames(parser)
        assert bytes(data) == GOOD or all(f.pdu[:2] != GOOD[1:3] or f == (5, GOOD[1:-2]) for f in found)

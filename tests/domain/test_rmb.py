"""Amounts in formal numerals: the examples of the central bank's rule, and what a reader would read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.rmb import MAX_FEN, amount_in_words
from common.units import Fen

_DIGITS = {word: number for number, word in enumerate("零壹贰叁肆伍陆柒捌玖")}
_PLACES = {"拾": 10, "佰": 100, "仟": 1_000}


@pytest.mark.parametrize(
    ("amount_fen", "words"),
    [
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角整"),
        (15, "壹角伍分"),
        (100, "壹元整"),
        (105, "壹元零伍分"),
        (150, "壹元伍角整"),
        (1_000, "壹拾元整"),
        (140_950, "壹仟肆佰零玖元伍角整"),
        (600_714, "陆仟零柒元壹角肆分"),
        (32_504, "叁佰贰拾伍元零肆分"),
        (168_032, "壹仟陆佰捌拾元叁角贰分"),
        (10_700_053, "壹拾万柒仟元伍角叁分"),
        (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
        (1_000_500, "壹万零伍元整"),
        (1_050_000, "壹万零伍佰元整"),
        (10_000_000_00, "壹仟万元整"),
        (100_000_000_00, "壹亿元整"),
        (100_000_001_00, "壹亿零壹元整"),
        (100_010_000_00, "壹亿零壹万元整"),
        (100_001_000_00, "壹亿零壹仟元整"),
        (110_000_000_00, "壹亿壹仟万元整"),
        (50_000_00, "伍万元整"),
        (MAX_FEN, "玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_an_amount_is_written_as_the_rule_says(amount_fen: int, words: str) -> None:
    assert amount_in_words(Fen(amount_fen)) == f"人民币{words}"


@pytest.mark.parametrize("amount_fen", [-1, MAX_FEN + 1])
def test_what_cannot_stand_on_a_receipt_is_not_written(amount_fen: int) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        amount_in_words(Fen(amount_fen))


def read(words: str) -> int:
    """Read an amount back, in fen: another algorithm than the writer's."""
    total = group = digit = 0
    for word in words.removeprefix("人民币").removesuffix("整"):
        if word in _DIGITS:
            digit = _DIGITS[word]
        elif word in _PLACES:
            group, digit = group + digit * _PLACES[word], 0
        elif word in "万亿元":
            factor = {"万": 10_000, "亿": 100_000_000, "元": 1}[word]
            total, group, digit = total + (group + digit) * factor * 100, 0, 0
        else:
            total, digit = total + digit * {"角": 10, "分": 1}[word], 0
    return total


@given(st.integers(0, MAX_FEN))
def test_every_amount_reads_back_as_itself(amount_fen: int) -> None:
    words = amount_in_words(Fen(amount_fen))

    assert read(words) == amount_fen
    assert "零零" not in words

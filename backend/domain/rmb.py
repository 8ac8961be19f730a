"""Amounts in formal Chinese numerals, as receipts and bills write them (人民币大写).

Source: 中国人民银行《正确填写票据和结算凭证的基本规定》: 零 for noughts inside a number, once for several; 整
after 元 and 角, never after 分. Where the rule leaves 零 to the writer, it is left out.
"""

from common.units import FEN_PER_YUAN, Fen

MAX_FEN = Fen(9_999_999_999_999)  # 99,999,999,999.99 yuan.

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿")


def amount_in_words(amount_fen: Fen) -> str:
    """Write an amount, e.g. 1_005_00 → 人民币壹仟零伍元整. Raises ValueError outside of 0 to MAX_FEN."""
    if not 0 <= amount_fen <= MAX_FEN:
        raise ValueError(f"not an amount to be written in words: {amount_fen}")
    yuan, rest = divmod(int(amount_fen), FEN_PER_YUAN)
    jiao, fen = divmod(rest, 10)
    words = f"{_yuan(yuan)}元" if yuan else ""
    if jiao:
        words += f"{_DIGITS[jiao]}角"
    if fen:
        nought = "零" if yuan and not jiao else ""
        return f"人民币{words}{nought}{_DIGITS[fen]}分"
    return f"人民币{words or '零元'}整"


def _yuan(yuan: int) -> str:
    """Write a positive whole number: groups of four digits, the highest first."""
    words, nought = "", False
    for number in reversed(range(len(_GROUPS))):
        group = yuan // 10_000**number % 10_000
        if group == 0:
            nought = bool(words)
            continue
        if words and (nought or group < 1_000):
            words += "零"
        words += _group(group) + _GROUPS[number]
        nought = False
    return words


def _group(group: int) -> str:
    """Write 1 to 9999 without its leading noughts."""
    words, nought = "", False
    for place in reversed(range(len(_PLACES))):
        digit = group // 10**place % 10
        if digit == 0:
            nought = bool(words)
            continue
        words += ("零" if nought else "") + _DIGITS[digit] + _PLACES[place]
        nought = False
    return words

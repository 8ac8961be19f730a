"""Find a Chinese name by its pinyin (拼音检索): initials, full syllables, or a mix of both.

"hlzj", "hailan", "hailanzj" and "澜之" all find 海澜之家. A character with several readings (多音字) is found
by each of them; the reading that the word asks for counts first.
"""

from functools import lru_cache
from typing import Any

from pypinyin import Style, lazy_pinyin, pinyin

_KEPT_NAMES = 4_096
NO_MATCH = 9
Syllables = tuple[tuple[str, ...], ...]


@lru_cache(maxsize=_KEPT_NAMES)
def syllables_of(name: str) -> tuple[Syllables, Syllables]:
    """Return the likely reading of each character, and all of them; what is not Chinese stands for itself."""
    likely = lazy_pinyin(name, style=Style.NORMAL, errors=_each)
    every = pinyin(list(name), style=Style.NORMAL, heteronym=True, errors=str)
    if not len(likely) == len(every) == len(name):  # A phrase that pypinyin reads as something else.
        likely = [readings[0] for readings in every]
    both = tuple(
        tuple(dict.fromkeys((first.lower(), *(one.lower() for one in others))))
        for first, others in zip(likely, every, strict=True)
        if first.strip()
    )
    return tuple(readings[:1] for readings in both), both


def _each(text: str) -> Any:
    """Let every character that is not Chinese stand for itself: a list says so to pypinyin."""
    return list(text)


def rank(name: str, query: str) -> int:
    """Tell how well a name fits what was typed; the lower the better, NO_MATCH: not at all.

    0 the name itself, 1 its beginning, 2 within it, 3 pinyin of its beginning as the word is read,
    4 the same with other readings, 5 and 6 pinyin from within it.
    """
    here, wanted = name.lower(), query.lower()
    if here == wanted:
        return 0
    if here.startswith(wanted):
        return 1
    if wanted in here:
        return 2
    if not wanted.isascii():
        return NO_MATCH
    wanted = wanted.replace(" ", "")
    likely, every = syllables_of(name)
    for number, syllables in enumerate((likely, every)):
        if _follows(syllables, 0, wanted):
            return 3 + number
    for number, syllables in enumerate((likely, every)):
        if any(_follows(syllables, at, wanted) for at in range(1, len(syllables))):
            return 5 + number
    return NO_MATCH


def _follows(syllables: Syllables, at: int, wanted: str) -> bool:
    """Say whether the typed letters are beginnings of the syllables from one on, without leaving one out."""
    if not wanted:
        return True
    if at == len(syllables):
        return False
    for reading in syllables[at]:
        for length in range(_common(reading, wanted), 0, -1):
            if _follows(syllables, at + 1, wanted[length:]):
                return True
    return False


def _common(reading: str, wanted: str) -> int:
    """Return how many letters two texts share at their beginning."""
    if reading[0] != wanted[0]:  # Nearly always.
        return 0
    return next(length for length in range(len(reading), 0, -1) if wanted.startswith(reading[:length]))

"""How every list of files is searched, sorted and cut into pages (档案列表).

A mall has some hundreds of shops and meters: they are read in one query and sorted here, in the order that
people expect (A-2 before A-10), the same on every database. What is not known comes last, however sorted.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from backend.errors import Invalid

T = TypeVar("T")

Words = Annotated[str, Meta(max_length=64)]
SortKey = Annotated[str, Meta(max_length=24)]  # A column's name; with "-" before it from high to low.
PageNumber = Annotated[int, Meta(ge=1, le=10_000)]
PageSize = Annotated[int, Meta(ge=10, le=200)]
Remark = Annotated[str, Meta(max_length=200)]
PAGE_SIZE = 50

_NUMBERS = re.compile(r"([0-9]+)")


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts numbers within names by their value."""
    parts = _NUMBERS.split(text.lower())
    return tuple((0, int(one), "") if one.isdecimal() else (1, 0, one) for one in parts if one)


def matches(words: str, *texts: str | None) -> bool:
    """Say whether each word stands somewhere in one of the texts, in any case."""
    hay = "\n".join(text for text in texts if text).lower()
    return all(word in hay for word in words.lower().split())


def sorted_by(found: Sequence[T], sort: str, keys: Mapping[str, Callable[[T], Any]]) -> list[T]:
    """Return rows in the order asked for; rows without a value last. Errors: Invalid (no such column)."""
    name, is_descending = sort.removeprefix("-"), sort.startswith("-")
    if name not in keys:
        raise Invalid(fields={"sort": "不能按这一列排序"})
    key = keys[name]
    known = [row for row in found if key(row) is not None]
    unknown = [row for row in found if key(row) is None]
    return [*sorted(known, key=key, reverse=is_descending), *unknown]


def page_of(found: Sequence[T], page: int, size: int) -> list[T]:
    """Return one page, counted from 1; beyond the last one there is nothing."""
    return list(found[(page - 1) * size : page * size])

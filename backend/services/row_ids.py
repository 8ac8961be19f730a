"""Ids as clients send them (编号): what cannot be one of ours names nothing and reaches no database."""

from typing import Annotated

from msgspec import Meta

_ID_END = 1 << 63  # Our ids have 63 bits; a greater number overflows the database.
_MOST_DIGITS = 19

RowId = Annotated[int, Meta(ge=1, le=_ID_END - 1)]  # In an address.


def id_of(text: str) -> int | None:
    """Read an id as JSON carries it; None for what cannot be one."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else _ID_END
    return number if number < _ID_END else None

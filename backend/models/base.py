"""What the tables share (公用).

Ids are made by us (common/ids.py): 63 bits, ordered by time, text in JSON. Instants are UTC. A
`standing_key` is unique while a row stands and NULL afterwards, so that the database itself refuses
a second standing row without a partial index.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tortoise import fields


def own_id() -> Any:
    """Return a primary key made by the application."""
    return fields.BigIntField(primary_key=True, generated=False)


def link() -> Any:
    """Return the id of a row of another table (indexed, no foreign key: the other table is large)."""
    return fields.BigIntField(db_index=True)


def optional_link() -> Any:
    return fields.BigIntField(db_index=True, null=True)


def json_text() -> Any:
    """Return a column that holds JSON text, encoded and decoded by the service that owns it."""
    return fields.TextField(default="{}")


if TYPE_CHECKING:
    Instant = fields.DatetimeField
else:

    class Instant(fields.DatetimeField):
        """An instant in UTC. Tortoise's own reading of text takes ten times as long as the query."""

        def to_python_value(self, value: Any) -> datetime | None:
            if isinstance(value, str):
                value = datetime.fromisoformat(value)
            if value is not None and value.tzinfo is None:
                value = value.replace(tzinfo=UTC)
            return value

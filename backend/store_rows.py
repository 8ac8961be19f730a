"""Whole rows as models, many at a time (整行读取): what `Model.filter` gives, for a fraction of its cost.

A batch of readings reads hundreds of rows; building the query and each model through Tortoise costs more
than the query. The rows are ordinary saved models: they can be changed and saved like any other.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from tortoise.fields.data import CharEnumFieldInstance
from tortoise.models import Model

from backend.store import cache, dialect, rows

M = TypeVar("M", bound=Model)


class _Shape(NamedTuple):
    """How a model's rows are read."""

    select: str
    conversions: tuple[tuple[str, Callable[[Any], Any]], ...]
    fixed: dict[str, Any]


_SHAPES: dict[type[Model], _Shape] = cache()


async def whole_rows(
    model: type[M], where: str, values: Sequence[Any] = (), *, lock: bool = False
) -> list[M]:
    """Read the rows that a condition names, with `?` placeholders; `where` may end with an ORDER BY.

    lock: FOR UPDATE, in the order of the rows; SQLite has locked the whole database already.
    """
    shape = _SHAPES.get(model) or _SHAPES.setdefault(model, _shape_of(model))
    end = " FOR UPDATE" if lock and dialect() == "mysql" else ""
    return [_made(model, shape, row) for row in await rows(f"{shape.select} WHERE {where}{end}", values)]


def marks(values: Sequence[Any]) -> str:
    """Return placeholders for `IN (…)`."""
    return ",".join("?" * len(values))


def _made(model: type[M], shape: _Shape, row: dict[str, Any]) -> M:
    for name, convert in shape.conversions:
        value = row[name]
        if value is not None:
            row[name] = convert(value)
    made = model.__new__(model)
    row.update(shape.fixed)
    row["_await_when_save"] = {}
    made.__dict__.update(row)
    return made


def _shape_of(model: type[Model]) -> _Shape:
    """Take from Tortoise how it reads a row: the same values of the same types come out."""
    meta = model._meta
    columns = ",".join(f"{column} AS {name}" for name, column in sorted(meta.fields_db_projection.items()))
    conversions: list[tuple[str, Callable[[Any], Any]]] = []
    for _, name, field in meta.db_default_fields:
        conversions.append((name, field.field_type))
    for _, name, field in meta.db_complex_fields:
        by_value = isinstance(field, CharEnumFieldInstance)
        known = {item.value: item for item in field.enum_type} if by_value else {}  # type: ignore[attr-defined]
        conversions.append((name, known.__getitem__ if by_value else field.to_python_value))
    fixed = {
        "_partial": False,
        "_saved_in_db": True,
        "_custom_generated_pk": meta.db_pk_column not in meta.generated_db_fields,
    }
    return _Shape(f"SELECT {columns} FROM {meta.db_table}", tuple(conversions), fixed)

"""The database: connections, units of work, portable SQL (数据库).

Every write goes through `unit_of_work`. No network call happens inside one.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql.err
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.exceptions import DBConnectionError, OperationalError
from tortoise.migrations.api.migrate import migrate as run_migrations
from tortoise.transactions import in_transaction

from backend.errors import Bug, ConfigError
from backend.models import MODEL_MODULES
from common.failpoint import failpoint

T = TypeVar("T")

# A deadlock (1213) or a lock that took too long (1205) undoes the whole unit: the unit is run again.
_RETRIED_CODES = {1213, 1205, 1020}
_ATTEMPTS = 8
_POOL_SIZE = 12

_after_commit: ContextVar[list[Callable[[], None]] | None] = ContextVar("after_commit", default=None)


_caches: list[dict[Any, Any]] = []


def cache() -> dict[Any, Any]:
    """Return a dictionary for rows that never change; emptied when another database is opened."""
    _caches.append({})
    return _caches[-1]


_KNOWN: dict[str, str] = cache()  # "dialect", asked for with every statement.


def tortoise_config(database_url: str, *, inline: bool = False) -> dict[str, Any]:
    """Return Tortoise's configuration for sqlite:///path or mysql://user:password@host:port/name.

    inline: run SQLite in the loop's own thread (virtual time). Raises ConfigError for anything else.
    """
    parts = urlsplit(database_url)
    connection: dict[str, Any]
    if parts.scheme == "sqlite":
        path = database_url.removeprefix("sqlite://")
        connection = {
            "engine": "backend.store_sqlite",
            "credentials": {
                "file_path": path,
                "inline": "1" if inline else "0",
                "synchronous": "NORMAL",
                "busy_timeout": 10_000,
                "journal_size_limit": 67_108_864,
            },
        }
    elif parts.scheme == "mysql" and parts.hostname and parts.path.strip("/"):
        options = parse_qs(parts.query)
        connection = {
            "engine": "tortoise.backends.mysql",
            "credentials": {
                "host": parts.hostname,
                "port": parts.port or 3306,
                "user": unquote(parts.username or ""),
                "password": unquote(parts.password or ""),
                "database": parts.path.strip("/"),
                "charset": "utf8mb4",
                "maxsize": int(options.get("pool", [str(_POOL_SIZE)])[0]),
                "connect_timeout": 5,
                "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            },
        }
    else:
        raise ConfigError("PREWATT_DATABASE_URL must be sqlite:///path or mysql://user:password@host/name")
    return {
        "connections": {"default": connection},
        "apps": {
            "models": {
                "models": MODEL_MODULES,
                "default_connection": "default",
                "migrations": "backend.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def open_store(database_url: str, *, inline: bool = False) -> None:
    """Connect this process to the database. Raises ConfigError when it cannot be reached."""
    for kept in _caches:
        kept.clear()
    EXECUTOR_CACHE.clear()  # Tortoise keeps prepared SQL by connection name, whatever database it is for.
    await Tortoise.init(config=tortoise_config(database_url, inline=inline), _enable_global_fallback=True)
    try:
        await rows("SELECT COUNT(*) AS n FROM site")
    except (OperationalError, DBConnectionError, OSError) as error:
        await close_store()
        if _is_missing_table(error):
            raise ConfigError("PREWATT_DATABASE_URL names an empty database: run prewatt migrate") from None
        raise _unreachable(database_url) from None


def utc(value: Any) -> datetime | None:
    """Read an instant as a raw query returns it (text in SQLite, naive UTC in MariaDB)."""
    if value is None:
        return None
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def some_utc(value: Any) -> datetime:
    """Read an instant that cannot be NULL."""
    at = utc(value)
    if at is None:
        raise Bug("an instant is missing")
    return at


def sql_time(at: datetime | None) -> Any:
    """Write an instant as a raw query takes it."""
    return time_writer()(at)


def time_writer() -> Callable[[datetime | None], Any]:
    """Return `sql_time` for the running database, for bulk writes: looking the database up costs more."""
    return _naive_time if dialect() == "mysql" else _text_time


def _naive_time(at: datetime | None) -> Any:
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)


def _text_time(at: datetime | None) -> Any:
    return None if at is None else at.astimezone(UTC).isoformat(" ")


async def migrate_store(database_url: str, *, inline: bool = False) -> None:
    """Bring the tables up to date; harmless when they are. Raises ConfigError when it cannot be reached."""
    config = tortoise_config(database_url, inline=inline)
    if (
        database_url.startswith("sqlite:")
        and not Path(database_url.removeprefix("sqlite://")).parent.is_dir()
    ):
        raise _unreachable(database_url)
    _KNOWN.clear()
    try:
        await run_migrations(config=config)
    except (DBConnectionError, OSError):
        raise _unreachable(database_url) from None
    finally:
        await close_store()


def _unreachable(database_url: str) -> ConfigError:
    """Say what cannot be reached, without the password."""
    parts = urlsplit(database_url)
    where = parts.path if parts.scheme == "sqlite" else f"{parts.hostname}:{parts.port or 3306}{parts.path}"
    return ConfigError(f"PREWATT_DATABASE_URL names a database that cannot be reached: {where}")


def _is_missing_table(error: BaseException) -> bool:
    return "no such table" in str(error) or "1146" in str(error)


async def close_store() -> None:
    await Tortoise.close_connections()


def connection() -> BaseDBAsyncClient:
    """Return the connection of the running transaction, or the pool outside of one."""
    return Tortoise.get_connection("default")


def dialect() -> str:
    """Return "sqlite" or "mysql"."""
    if "dialect" not in _KNOWN:
        _KNOWN["dialect"] = connection().capabilities.dialect
    return _KNOWN["dialect"]


def after_commit(callback: Callable[[], None]) -> None:
    """Call back once the running unit of work is committed; at once when there is none."""
    waiting = _after_commit.get()
    if waiting is None:
        callback()
    else:
        waiting.append(callback)


def _is_retried(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, pymysql.err.MySQLError) and seen.args and seen.args[0] in _RETRIED_CODES:
            return True
        if isinstance(seen, sqlite3.OperationalError) and "locked" in str(seen):
            return True
        inner = seen.args[0] if seen.args and isinstance(seen.args[0], BaseException) else None
        seen = seen.__cause__ or inner
    return False


async def unit_of_work(work: Callable[[], Awaitable[T]], name: str = "work") -> T:
    """Run `work` in one transaction, to its end even if the caller is cancelled, and return its result.

    A deadlock or lock time-out runs the whole of it again, so `work` may touch nothing but the
    database. Callbacks given to `after_commit` run once, after the commit. `name` names the two
    failpoints "<name>:before_commit" and "<name>:after_commit".
    """
    if _after_commit.get() is not None:
        raise Bug("a unit of work inside a unit of work")
    return await asyncio.shield(asyncio.ensure_future(_run(work, name)))


async def _run(work: Callable[[], Awaitable[T]], name: str) -> T:
    for attempt in range(_ATTEMPTS):
        callbacks: list[Callable[[], None]] = []
        token = _after_commit.set(callbacks)
        try:
            async with in_transaction("default"):
                result = await work()
                failpoint(f"{name}:before_commit")
        except OperationalError as error:
            if attempt + 1 < _ATTEMPTS and _is_retried(error):
                continue
            raise
        finally:
            _after_commit.reset(token)
        failpoint(f"{name}:after_commit")
        for callback in callbacks:
            callback()
        return result
    raise Bug("unreachable: the last attempt returns or raises")


def portable(sql: str) -> str:
    """Write `?` placeholders the way the running database wants them."""
    return sql.replace("?", "%s") if dialect() == "mysql" else sql


async def rows(sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Read rows with plain SQL and `?` placeholders."""
    return await connection().execute_query_dict(portable(sql), list(values))


async def run(sql: str, values: Sequence[Any] = ()) -> int:
    """Write with plain SQL and `?` placeholders; return the number of rows touched."""
    count, _ = await connection().execute_query(portable(sql), list(values))
    return count


async def run_many(sql: str, values: Iterable[Sequence[Any]]) -> None:
    """Write many rows with one statement."""
    listed = [list(row) for row in values]
    if listed:
        await connection().execute_many(portable(sql), listed)


def upsert_sql(
    table: str,
    columns: Sequence[str],
    key: Sequence[str],
    *,
    add: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> str:
    """Return an insert that updates the row with the same key instead.

    add:  columns whose new value is added to the old one.
    keep: columns that stay as they were on the first insert.
    All other columns take the new value.
    """
    marks = ",".join("?" * len(columns))
    sql = f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})"
    mysql = dialect() == "mysql"

    def new(column: str) -> str:
        return f"VALUES({column})" if mysql else f"excluded.{column}"

    changes = [
        f"{column}={table}.{column}+{new(column)}" if column in add else f"{column}={new(column)}"
        for column in columns
        if column not in key and column not in keep
    ]
    if not changes:
        changes = [f"{key[0]}={table}.{key[0]}"]
    if mysql:
        return f"{sql} ON DUPLICATE KEY UPDATE {','.join(changes)}"
    return f"{sql} ON CONFLICT({','.join(key)}) DO UPDATE SET {','.join(changes)}"

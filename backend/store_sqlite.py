"""Tortoise's SQLite engine with BEGIN IMMEDIATE, and a variant without a thread for virtual time.

A deferred BEGIN that later writes loses against another writer with "database is locked"; an
immediate one waits in line. Tortoise picks the class up by the engine name "backend.store_sqlite".
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from tortoise.backends.base.client import TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.exceptions import TransactionManagementError


class InlineConnection:
    """The part of aiosqlite's connection that Tortoise uses, run in the loop's own thread.

    On a virtual clock a query takes no time and its order may not depend on a thread.
    """

    def __init__(self, path: str) -> None:
        self._conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    @property
    def total_changes(self) -> int:
        return self._conn.total_changes

    async def execute(self, sql: str, values: Sequence[Any] | None = None) -> "InlineConnection":
        self._conn.execute(sql, values or ())
        return self

    async def executemany(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        self._conn.executemany(sql, values)

    async def executescript(self, sql: str) -> None:
        self._conn.executescript(sql)

    async def execute_insert(self, sql: str, values: Sequence[Any] | None = None) -> tuple[int]:
        return (self._conn.execute(sql, values or ()).lastrowid or 0,)

    async def execute_fetchall(self, sql: str, values: Sequence[Any] | None = None) -> list[Any]:
        return self._conn.execute(sql, values or ()).fetchall()

    async def create_function(self, *args: Any, **kwargs: Any) -> None:
        self._conn.create_function(*args, **kwargs)

    async def commit(self) -> None:
        self._conn.commit()

    async def rollback(self) -> None:
        self._conn.rollback()

    async def close(self) -> None:
        # Also called on what `execute` returned as a cursor: the connection itself ends with `end`.
        return

    def end(self) -> None:
        self._conn.close()


class ImmediateTransaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.commit()
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise TransactionManagementError(error) from error


class ImmediateClient(SqliteClient):
    def __init__(self, file_path: str, **kwargs: Any) -> None:
        self._inline = str(kwargs.pop("inline", "")) == "1"
        super().__init__(file_path, **kwargs)

    async def create_connection(self, with_db: bool) -> None:
        if not self._inline:
            await super().create_connection(with_db)
            return
        if self._connection is None:
            connection = InlineConnection(self.filename)
            connection._conn.row_factory = sqlite3.Row
            for pragma, value in self.pragmas.items():
                connection._conn.execute(f"PRAGMA {pragma}={value}")
            self._connection = connection  # type: ignore[assignment]
            await self._post_connect()

    async def close(self) -> None:
        if self._inline and self._connection is not None:
            self._connection.end()  # type: ignore[attr-defined]
            self._connection = None
            return
        await super().close()

    def _in_transaction(self) -> TransactionContext:
        return SqliteTransactionContext(ImmediateTransaction(self), self._lock)


client_class = ImmediateClient

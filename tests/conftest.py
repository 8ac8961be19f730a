"""Databases for tests: SQLite always; MariaDB too for tests marked `mariadb` (money and locking)."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backend.store import close_store, connection, migrate_store, open_store, rows
from tests.servers import MariaDb, mariadb


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that touches `database_url` on SQLite, and again on MariaDB when it is marked so."""
    if "database_url" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker("mariadb") is not None
        metafunc.parametrize("database_url", ["sqlite", "mariadb"] if marked else ["sqlite"], indirect=True)


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    with mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_database(mariadb_server: MariaDb) -> str:
    url = mariadb_server.url("prewatt")
    asyncio.run(migrate_store(url))
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(migrate_store(f"sqlite://{path}"))
    return path


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty, migrated database."""
    if request.param == "mariadb":
        return str(request.getfixturevalue("mariadb_database"))
    path = tmp_path / "prewatt.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite://{path}"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[str]:
    """An open, empty store; the value is its address."""
    await open_store(database_url)
    if database_url.startswith("mysql:"):
        await _empty_tables()
    yield database_url
    await close_store()


async def _empty_tables() -> None:
    for row in await rows("SHOW TABLES"):
        (table,) = row.values()
        if "migration" not in table:
            await connection().execute_script(
                f"SET FOREIGN_KEY_CHECKS=0; DELETE FROM {table}; SET FOREIGN_KEY_CHECKS=1"
            )

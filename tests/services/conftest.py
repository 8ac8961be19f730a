"""The small mall as a fixture: on SQLite, and on MariaDB for tests marked so."""

from pathlib import Path

import pytest

from tests.services.mall import SmallMall, small_mall


@pytest.fixture
async def mall(store: str, tmp_path: Path) -> SmallMall:
    return await small_mall(tmp_path)

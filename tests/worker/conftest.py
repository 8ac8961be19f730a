"""A Valkey of one's own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backend.valkey import Valkey, packaged_valkey


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    async with packaged_valkey(tmp_path / "valkey") as server:
        yield server

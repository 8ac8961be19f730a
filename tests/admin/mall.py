"""A small mall with every real process, as a test sees it."""

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

ROOT = Path(__file__).parents[2]
VACANT_SHOP = "A901"
UP_WITHIN_S = 90.0
DOWN_WITHIN_S = 30.0


@dataclass(frozen=True)
class RunningMall:
    """18 shops and 2 public areas on 2 lines, polled every 5 s; one person a role, signed in by one tap.

    A further shop stands empty: `VACANT_SHOP`.
    """

    private_port: int
    public_port: int
    mall_url: str  # Control API of the simulated meters.
    world_url: str  # Control API of the simulated WeChat.
    database: str  # The running product's SQLite file.
    client: httpx.AsyncClient

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Read the product's database past the product; nothing can be written."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as opened:
            opened.row_factory = sqlite3.Row
            return [dict(row) for row in opened.execute(sql, values)]

    async def switch_mall(self, **what: Any) -> None:
        """Set a switch of the simulated mall: meter=, line= or gateway=, fault=, on= or value=."""
        (await self.client.post(f"{self.mall_url}/switch", json=what)).raise_for_status()

    async def api(self, role: str, method: str, path: str, body: Any = None) -> Any:
        """Call the staff API as a role's person, past the browser; returns the JSON, or None."""
        base = f"http://127.0.0.1:{self.private_port}"
        entered = await self.client.post(f"{base}/api/v1/staff/demo-sessions", json={"role": role})
        entered.raise_for_status()
        answer = await self.client.request(
            method, f"{base}{path}", json=body, headers={"X-CSRF-Token": entered.json()["csrf_token"]}
        )
        self.client.cookies.clear()
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextlib.asynccontextmanager
async def running_mall(folder: Path) -> AsyncIterator[RunningMall]:
    """Start everything, and stop it after the body."""
    log = (folder / "run.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.admin.run_mall",
        str(folder / "run"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), UP_WITHIN_S)
        assert line, f"the mall did not start:\n{(folder / 'run.log').read_text()[-3_000:]}"
        async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
            yield RunningMall(**msgspec.json.decode(line), client=client)
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), DOWN_WITHIN_S)
        if process.returncode is None:
            process.kill()
            await process.wait()
        log.close()

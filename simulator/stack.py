"""Every process of the product and of its simulated world, started and stopped as one (全套进程).

Demo, story and proofs run the real programs as children on free loopback ports:

    mall · world · valkey · backend (`prewatt serve`) · worker (`prewatt worker`, MariaDB alone) · collector

On SQLite the backend runs the worker in its own process. Each child can be killed and started again,
with an environment of its own.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from backend.assemble import open_context
from backend.commands import register_collector
from backend.context import Context
from backend.services.permissions import seed_roles
from backend.services.site_file import read_site_file
from backend.services.site_load import load_site
from backend.settings import Settings, load_settings
from backend.store import migrate_store
from backend.valkey import Valkey
from common.clock import SystemClock
from simulator.keys import load_or_make_keys

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
COLLECTOR_NAME = "mall"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PORTS = range(15_000, 32_000)


class StackError(Exception):
    """A process did not start; the text says which and why."""


@dataclass(frozen=True)
class StackOptions:
    """What to run. database_url "" is SQLite in the folder; redis: run the packaged Valkey."""

    database_url: str = ""
    redis: bool = True
    seed: int = 1
    shafts: int = 5
    lines: int = 3
    prepaid: int = 300
    public: int = 50
    mixed: bool = True  # False: all Modbus TCP.
    delay_s: int | None = None
    poll_interval_s: float | None = None
    public_port: int = 0
    private_port: int = 0
    pay_port: int = 0
    api_port: int = 0


@dataclass
class Child:
    """One process, and how to start it again."""

    name: str
    command: list[str]
    environ: dict[str, str]
    process: asyncio.subprocess.Process | None = None
    log: Path = field(default_factory=Path)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None


class Stack:
    """The running processes. Made by `stack(...)`."""

    def __init__(self, folder: Path, options: StackOptions) -> None:
        self.folder = folder.resolve()
        self.options = options
        self.children: dict[str, Child] = {}
        self.site_id = 0
        self.valkey: Valkey | None = None
        self.clock = SystemClock()
        self.public_port = options.public_port or free_port()
        self.private_port = options.private_port or free_port()
        self.pay_url = f"http://127.0.0.1:{options.pay_port or free_port()}"
        self.api_url = f"http://127.0.0.1:{options.api_port or free_port()}"
        self.sms_url = f"http://127.0.0.1:{free_port()}"
        self.world_url = f"http://127.0.0.1:{free_port()}"  # Control API.
        self.mall_url = f"http://127.0.0.1:{free_port()}"  # Control API.
        self._environ: dict[str, str] = {}
        self.client = httpx.AsyncClient(timeout=30.0, trust_env=False)

    @property
    def public_url(self) -> str:
        return f"http://127.0.0.1:{self.public_port}"

    @property
    def private_url(self) -> str:
        return f"http://127.0.0.1:{self.private_port}"

    @property
    def is_sqlite(self) -> bool:
        return not self.options.database_url

    @property
    def settings(self) -> Settings:
        """The product's settings, as its processes have them."""
        return load_settings(self._environ)

    @property
    def database_url(self) -> str:
        return self.options.database_url or f"sqlite://{self.folder / 'prewatt.db'}"

    async def prepare(self) -> None:
        """Make keys and tables, start mall, world and Valkey: what history and site loading need."""
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = load_or_make_keys(self.folder / "world", self.clock.now(), random.Random(self.options.seed))
        if self.options.redis:
            self.valkey = Valkey(self.folder / "valkey", self.clock)
            await self.valkey.start()
        self._environ = {
            **keys.product_settings(self.pay_url, self.api_url, self.sms_url, self.public_url),
            "PREWATT_DATABASE_URL": self.database_url,
            "PREWATT_REDIS_URL": self.valkey.url if self.valkey else "",
            "PREWATT_DATA_DIR": str(self.folder),
            "PREWATT_PUBLIC_LISTEN": f"127.0.0.1:{self.public_port}",
            "PREWATT_PRIVATE_LISTEN": f"127.0.0.1:{self.private_port}",
        }
        await migrate_store(self.database_url)
        await asyncio.gather(self._start_mall(), self._start_world())

    async def load(self) -> None:
        """Load the mall's site file, the roles and the collector's token."""
        text = (self.folder / "site.toml").read_text(encoding="utf-8")
        async with self.context() as ctx:
            self.site_id = (await load_site(ctx, read_site_file(text))).site_id
            await seed_roles(ctx, self.site_id)
            token_file = self.folder / "collector_token"
            if not token_file.exists():
                token_file.touch(mode=0o600)
                token_file.write_text(await register_collector(ctx, self.site_id, COLLECTOR_NAME))

    async def run(self) -> None:
        """Start backend, worker (MariaDB) and collector, and wait until the backend is ready."""
        await self.start("backend")
        if not self.is_sqlite:
            await self.start("worker")
        await self.start("collector")

    @contextlib.asynccontextmanager
    async def context(self, *, inline: bool = False) -> AsyncIterator[Context]:
        """Open the product's database and services in this process too; inline: nothing else runs yet."""
        async with open_context(self.settings, inline=inline) as ctx:
            yield ctx

    async def start(self, name: str, extra: Mapping[str, str] | None = None) -> Child:
        """Start one of "backend", "worker", "collector" (again), with more environment if given."""
        command = [sys.executable, "-m", "backend.cli", {"backend": "serve"}.get(name, name)]
        environ = dict(self._environ)
        if name == "collector":
            environ = {
                "PREWATT_COLLECTOR_URL": self.private_url,
                "PREWATT_COLLECTOR_ID": COLLECTOR_NAME,
                "PREWATT_COLLECTOR_TOKEN": (self.folder / "collector_token").read_text(),
                "PREWATT_COLLECTOR_SPOOL": str(self.folder / "spool.db"),
            }
        child = await self._spawn(name, command, {**environ, **(extra or {})})
        if name == "backend":
            await self._wait_for(child, f"{self.private_url}/health/live")
        return child

    async def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a child and wait for its end."""
        child = self.children[name]
        if child.process is not None and child.is_running:
            child.process.send_signal(number)
            await child.process.wait()

    async def switch_mall(self, **what: Any) -> None:
        """Set a switch of the simulated mall: meter=, line= or gateway=, fault=, on= or value=."""
        answer = await self.client.post(f"{self.mall_url}/switch", json=what)
        if answer.status_code != 200:
            raise StackError(f"the mall refused {what}: {answer.text}")

    async def switch_world(self, **what: Any) -> None:
        """Set switches of the simulated world: pay=, wechat=, sms= {"set": …, "clear": …}."""
        answer = await self.client.post(f"{self.world_url}/switches", json=what)
        if answer.status_code != 200:
            raise StackError(f"the world refused {what}: {answer.text}")

    async def world_truth(self) -> Any:
        return (await self.client.get(f"{self.world_url}/truth")).json()

    async def close(self) -> None:
        """Stop everything, the product first."""
        for name in ("collector", "worker", "backend", "world", "mall"):
            child = self.children.get(name)
            if child is not None and child.process is not None and child.is_running:
                child.process.terminate()
        for child in self.children.values():
            if child.process is None:
                continue
            try:
                async with asyncio.timeout(STOP_WITHIN_S):
                    await child.process.wait()
            except TimeoutError:
                child.process.kill()
                await child.process.wait()
        if self.valkey is not None:
            await self.valkey.stop()
        await self.client.aclose()

    async def _start_mall(self) -> None:
        options = self.options
        command = [sys.executable, "-m", "simulator.mall_main", "--demo-policy"]
        values: dict[str, Any] = {
            "seed": options.seed,
            "base-port": 0,
            "control-port": self.mall_url.rpartition(":")[2],
            "state": self.folder / "mall.json",
            "site-file": self.folder / "site.toml",
            "shafts": options.shafts,
            "lines": options.lines,
            "prepaid": options.prepaid,
            "public": options.public,
        }
        if options.delay_s is not None:
            values["delay-s"] = options.delay_s
        if options.poll_interval_s is not None:
            values["poll-interval-s"] = options.poll_interval_s
        for name, value in values.items():
            command += [f"--{name}", str(value)]
        if not options.mixed:
            command.append("--all-modbus")
        child = await self._spawn("mall", command, {})
        await self._wait_for(child, f"{self.mall_url}/lines")

    async def _start_world(self) -> None:
        command = [sys.executable, "-m", "simulator.world_main", "--folder", str(self.folder / "world")]
        values = {
            "product-public": self.public_url,
            "pay-port": self.pay_url.rpartition(":")[2],
            "api-port": self.api_url.rpartition(":")[2],
            "sms-port": self.sms_url.rpartition(":")[2],
            "control-port": self.world_url.rpartition(":")[2],
            "seed": str(self.options.seed),
        }
        for name, value in values.items():
            command += [f"--{name}", value]
        child = await self._spawn("world", command, {})
        await self._wait_for(child, f"{self.world_url}/switches")

    async def _spawn(self, name: str, command: list[str], environ: dict[str, str]) -> Child:
        log = self.folder / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        # What the caller's own environment says about the product must not leak into the children.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PREWATT_")}
        child = Child(name, command, {**kept, **environ}, log=log)
        with log.open("ab") as output:
            child.process = await asyncio.create_subprocess_exec(
                *command,
                env=child.environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the parent; it stops its children in order.
                preexec_fn=_end_with_parent,
            )
        self.children[name] = child
        return child

    async def _wait_for(self, child: Child, url: str) -> None:
        deadline = self.clock.monotonic() + READY_WITHIN_S
        while self.clock.monotonic() < deadline:
            if not child.is_running:
                raise StackError(f"{child.name} ended at once:\n{_tail(child.log)}")
            with contextlib.suppress(httpx.HTTPError):
                if (await self.client.get(url)).status_code == 200:
                    return
            await self.clock.sleep(0.05)
        raise StackError(f"{child.name} did not answer within {READY_WITHIN_S:.0f} s:\n{_tail(child.log)}")


@contextlib.asynccontextmanager
async def stack(folder: Path, options: StackOptions | None = None) -> AsyncIterator[Stack]:
    """Run everything beside the body: prepared, loaded and started."""
    running = Stack(folder, options or StackOptions())
    try:
        await running.prepare()
        await running.load()
        await running.run()
        yield running
    finally:
        await running.close()


def _end_with_parent() -> None:
    """Have the kernel stop this child when its parent dies, however it dies (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """Return a port that a process may leave and take again.

    Below those that the system gives to outgoing connections: one of them could have it while the process is
    away. Raises OSError when none is free.
    """
    for port in random.SystemRandom().sample(_PORTS, 50):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")


def write_figures(figures: Mapping[str, Any], path: Path | None) -> None:
    """Print figures as the last thing, one JSON object, and write them to a file if wanted."""
    text = json.dumps(dict(figures), ensure_ascii=False)
    if path is not None:
        path.write_text(text + "\n", encoding="utf-8")
    print(text, flush=True)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2_000:] if log.exists() else ""

"""Several backend processes on the same two sockets, kept alive by their parent (多进程)."""

import asyncio
import contextlib
import multiprocessing
import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType

import uvloop

from backend.app import GRACE_S, bind_both, serve
from backend.edge import Edge
from backend.logs import logger, open_logs
from backend.metrics import forget_process, share_between_processes
from backend.settings import Settings

# Opens all that a process needs (database, wakes, clients) and closes it again. Handed to new processes by
# name, so it must be a function of a module.
OpenEdge = Callable[[Settings], AbstractAsyncContextManager[Edge]]

_RESTART_PAUSE_S = 1.0
_STOP_MARGIN_S = 5.0
_log = logger(__name__)


async def serve_until_stopped(
    settings: Settings,
    open_edge: OpenEdge,
    sockets: tuple[socket.socket, socket.socket] | None = None,
    trusted_proxies: Iterable[str] = (),
) -> None:
    """Serve in this process until SIGTERM or SIGINT, then stop gracefully."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    parent = multiprocessing.parent_process()
    if parent is not None:
        _stop_without(parent.sentinel, stop, loop)
    async with open_edge(settings) as edge:
        servers = await serve(edge, sockets, trusted_proxies=trusted_proxies)
        _log.info("serving", public=servers.public.address, private=servers.private.address)
        try:
            await stop.wait()
        finally:
            await servers.close()


def _stop_without(sentinel: int, stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Stop when the parent is gone: nobody would stop an orphan, and it would keep the sockets."""

    def gone() -> None:
        loop.remove_reader(sentinel)
        stop.set()

    loop.add_reader(sentinel, gone)


def _child(
    settings: Settings,
    open_edge: OpenEdge,
    sockets: tuple[socket.socket, socket.socket],
    trusted_proxies: tuple[str, ...],
) -> None:
    open_logs()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(settings, open_edge, sockets, trusted_proxies))


class Workers:
    """The parent: binds, starts, starts again what died, passes the stop on."""

    def __init__(
        self, settings: Settings, open_edge: OpenEdge, count: int, trusted_proxies: Iterable[str] = ()
    ) -> None:
        self._settings = settings
        self._open_edge = open_edge
        self._count = count
        self._trusted_proxies = tuple(trusted_proxies)
        self._stopping = False
        self._children: list[SpawnProcess] = []

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code. Raises ConfigError before anything starts."""
        sockets = bind_both(self._settings)
        share_between_processes(self._settings.data_dir / "metrics")
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, self._stop)
        with contextlib.ExitStack() as closing:
            for sock in sockets:
                closing.callback(sock.close)
            while not self._is_stopping():
                while len(self._children) < self._count:
                    self._children.append(self._start(sockets))
                if self._is_stopping():  # The signal came while a process was being started.
                    self._terminate()
                self._reap(wait([one.sentinel for one in self._children]))
            return self._end()

    def _start(self, sockets: tuple[socket.socket, socket.socket]) -> SpawnProcess:
        # Spawned, not forked: a child must not share the parent's connections and locks.
        child = multiprocessing.get_context("spawn").Process(
            target=_child, args=(self._settings, self._open_edge, sockets, self._trusted_proxies)
        )
        child.start()
        return child

    def _reap(self, ended: Sequence[object]) -> None:
        dead = [one for one in self._children if one.sentinel in ended]
        if not dead or self._is_stopping():
            return
        for one in dead:
            one.join()
            _log.error("a process ended and is started again", pid=one.pid, exit_code=one.exitcode)
            forget_process(one.pid or 0)
            self._children.remove(one)
        # Lets a process that cannot start try again once a second, not in a tight loop.
        wait([one.sentinel for one in self._children], timeout=_RESTART_PAUSE_S)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self._stopping = True
        self._terminate()

    def _is_stopping(self) -> bool:
        return self._stopping

    def _terminate(self) -> None:
        for one in self._children:
            if one.is_alive():
                one.terminate()

    def _end(self) -> int:
        for one in self._children:
            one.join(GRACE_S + _STOP_MARGIN_S)
            if one.is_alive():
                _log.error("a process did not stop in time", pid=one.pid)
                one.kill()
                one.join()
        return 0


def run_workers(settings: Settings, open_edge: OpenEdge, trusted_proxies: Iterable[str] = ()) -> int:
    """Serve with `settings.workers` processes until told to stop; return the exit code.

    open_edge: an async context manager function of a module, called in each process.
    Raises ConfigError when an address cannot be had.
    """
    return Workers(settings, open_edge, settings.workers, trusted_proxies).run()

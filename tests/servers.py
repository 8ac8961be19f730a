"""Private MariaDB and Redis servers on temporary folders and free ports, for tests and proofs."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_START_TIMEOUT_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not open its port")


@dataclass
class MariaDb:
    """A running server; `url(name)` makes a fresh database."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    user: str = "prewatt"
    password: str = "prewatt"

    def start(self) -> None:
        data = self.folder / "data"
        fresh = not data.exists()
        if fresh:
            subprocess.run(
                [
                    "mariadb-install-db",
                    "--no-defaults",
                    f"--datadir={data}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ],
                check=True,
                capture_output=True,
            )
        executable = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        self.process = subprocess.Popen(
            [
                executable,
                "--no-defaults",
                "--user=root",
                f"--datadir={data}",
                f"--socket={self.folder}/sock",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                "--max-connections=200",
                "--innodb-buffer-pool-size=256M",
                "--character-set-server=utf8mb4",
                "--skip-log-bin",
                f"--log-error={self.folder}/error.log",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for_port(self.port, self.process)
        if fresh:
            self.sql(
                f"CREATE USER '{self.user}'@'%' IDENTIFIED BY '{self.password}';"
                f"CREATE USER '{self.user}'@'localhost' IDENTIFIED BY '{self.password}';"
                f"GRANT ALL ON *.* TO '{self.user}'@'%';GRANT ALL ON *.* TO '{self.user}'@'localhost';"
            )

    def sql(self, statement: str) -> None:
        client = shutil.which("mariadb") or "mysql"
        subprocess.run(
            [client, "--no-defaults", f"--socket={self.folder}/sock", "-uroot", "-e", statement],
            check=True,
            capture_output=True,
        )

    def url(self, name: str) -> str:
        self.sql(f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return f"mysql://{self.user}:{self.password}@127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def mariadb(folder: Path) -> Iterator[MariaDb]:
    server = MariaDb(folder, free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()

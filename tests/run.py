"""Run every test and say what ran (全部测试): `python -m tests.run`, what `make test` calls.

Ends with one JSON object {"tests", "tests_sqlite", "tests_mariadb", "failed", "seconds"}, also written to
the file that the environment's JSON names. Arguments are handed on to pytest.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).parent
# These measure times or kill processes of their own: they run alone, after everything else.
ALONE = ("admin", "pages", "proofs", "worker")
AT_ONCE = 2  # The machines that run this have two cores.
SLOWEST_SHOWN = 15
_DATABASE = re.compile(r"[\[-](sqlite|mariadb)(?=[\]-])")


@dataclass(frozen=True, slots=True)
class Counts:
    """What ran. A test that was skipped did not run and is in none of the numbers but its own."""

    tests: int = 0
    sqlite: int = 0
    mariadb: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.tests + other.tests,
            self.sqlite + other.sqlite,
            self.mariadb + other.mariadb,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )


def main(arguments: list[str]) -> int:
    """Run both groups, print the figures and return the exit code."""
    started = time.monotonic()
    counts = Counts()
    ended_well = True
    alone = [str(TESTS / name) for name in ALONE if (TESTS / name).is_dir()]
    together = [f"--ignore={path}" for path in alone] + [str(TESTS)]
    groups = [["-n", str(AT_ONCE), "--dist", "loadfile", *together], alone]
    with tempfile.TemporaryDirectory() as folder:
        for number, group in enumerate(group for group in groups if group):
            report = Path(folder) / f"{number}.xml"
            code = _pytest([*group, *arguments], report)
            counts += count(report) if report.exists() else Counts(failed=1)
            ended_well = ended_well and code == 0
    seconds = round(time.monotonic() - started, 1)
    if counts.skipped:
        print(f"{counts.skipped} 个测试被跳过：缺少的工具须先安装", file=sys.stderr)
    if counts.mariadb == 0:
        print("没有任何测试在 MariaDB 上运行", file=sys.stderr)
    _write(figures(counts, seconds))
    return int(not ended_well or counts.failed > 0 or counts.mariadb == 0)


def count(report: Path) -> Counts:
    """Count the cases of a JUnit report; a database test carries its database in its id."""
    counts = Counts()
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("skipped") is not None:
            counts += Counts(skipped=1)
            continue
        found = _DATABASE.search(case.get("name", ""))
        database = found.group(1) if found else ""
        has_failed = case.find("failure") is not None or case.find("error") is not None
        counts += Counts(1, int(database == "sqlite"), int(database == "mariadb"), int(has_failed))
    return counts


def figures(counts: Counts, seconds: float) -> dict[str, float]:
    return {
        "tests": counts.tests,
        "tests_sqlite": counts.sqlite,
        "tests_mariadb": counts.mariadb,
        "failed": counts.failed,
        "seconds": seconds,
    }


def _pytest(arguments: list[str], report: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", f"--durations={SLOWEST_SHOWN}", f"--junitxml={report}"]
    # The figures file is ours: what a test starts must not write its own over it.
    environ = {name: value for name, value in os.environ.items() if name != "JSON"}
    return subprocess.run([*command, *arguments], cwd=TESTS.parent, env=environ, check=False).returncode


def _write(values: dict[str, float]) -> None:
    text = json.dumps(values)
    if os.environ.get("JSON"):
        Path(os.environ["JSON"]).write_text(text + "\n", encoding="utf-8")
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

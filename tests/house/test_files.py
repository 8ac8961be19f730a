"""What stands in the repository: sizes, places, and nothing that belongs to one machine."""

import re
from pathlib import Path

import pytest

from tests.house.source import ROOT, python_files, text_of, tracked_files

LONGEST = 300
# A longer file with the idea that holds it together.
MAY_BE_LONGER = {
    "backend/migrations/0001_initial.py": "made from the models",
    "backend/services/take_readings.py": "one intake: judge, price, accrue, decide in one transaction",
    "simulator/stack.py": "one list of processes with their ways to start and stop",
    "tests/domain/supply_table.py": "the decision table: one row a case",
}
TEXTS = (
    ".py",
    ".toml",
    ".md",
    ".txt",
    ".yml",
    ".yaml",
    ".html",
    ".js",
    ".css",
    ".json",
    ".ts",
    ".vue",
    ".sh",
    "",
)
# Written so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/(?:work|home|root|Users)/[a-z]",
    "a package registry": r"art(?:i)factory|sona(?:t)ype|index(?:-)url|//(?:mirrors?|registry|pypi)[.]",
    "a private key": r"BEGIN (?:RSA |EC )?PRIVATE KEY-----(?:\\n)?\s*[A-Za-z0-9+/]{40}",
}
HAVE_NO_README = {
    "backend/migrations": "made from the models by a command",
}


def text_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix in TEXTS]


def files_of_one_idea() -> list[Path]:
    pages = [
        one for one in tracked_files() if one.parts[0] == "admin" and one.suffix in (".vue", ".ts", ".css")
    ]
    return [*python_files("backend", "collector", "common", "simulator", "benchmarks", "admin"), *pages]


def test_a_file_holds_one_idea() -> None:
    longer = {
        str(path): lines
        for path in files_of_one_idea()
        if (lines := len(text_of(path).splitlines())) > LONGEST and str(path) not in MAY_BE_LONGER
    }

    assert longer == {}


def test_the_list_of_longer_files_names_files() -> None:
    assert [name for name in MAY_BE_LONGER if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in text_files()
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if pattern.search(line)
    ]

    assert found == []


def test_no_file_is_tracked_that_a_build_or_a_run_makes() -> None:
    made = {
        "admin_pages",
        "__pycache__",
        "node_modules",
        "var",
        "dist",
        "build",
        ".venv",
        ".mypy_cache",
        ".pytest_cache",
    }

    assert [str(path) for path in tracked_files() if made & set(path.parts)] == []


def test_every_package_says_what_it_owns() -> None:
    packages = {Path(*path.parts[:2]) for path in python_files("backend") if len(path.parts) > 2}
    packages |= {Path("backend"), Path("collector"), Path("simulator")}

    without = {str(one) for one in packages if not (ROOT / one / "README.md").is_file()}

    assert without - set(HAVE_NO_README) == set()


def test_a_module_begins_with_what_it_is() -> None:
    silent = [
        str(path)
        for path in python_files("backend", "collector", "common", "simulator")
        if (text := text_of(path)).strip() and not text.startswith('"""') and "migrations" not in path.parts
    ]

    assert silent == []

""".env.example lists exactly what the programs read, and works once its blanks are filled in."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from backend.settings import load_settings
from collector.settings import settings_from
from tests.house.environ import collector_environ, live_environ
from tests.house.source import ROOT, python_files, text_of

EXAMPLE = ROOT / ".env.example"
# Not for operators, each with what it is for.
UNLISTED = {
    "PREWATT_BEGAN": "when `make demo` began, so that the demo can say how long it took",
    "PREWATT_FAILPOINT": "kills the process at a named place, for proofs",
}
FOR_COMPOSE_ALONE = {"MARIADB_PASSWORD"}
_VARIABLE = re.compile(r"PREWATT_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?!_)")


class Watched(Mapping[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def listed() -> dict[str, str]:
    """Return the variables of .env.example with their values."""
    lines = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pairs = [line.partition("=") for line in lines if line]
    assert all(equals for _, equals, _ in pairs)
    return {name: value for name, _, value in pairs}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The variables that both programs ask for when every optional part is on."""
    folder = tmp_path_factory.mktemp("environ")
    backend, collector = Watched(live_environ(folder)), Watched(collector_environ(folder))
    load_settings(backend)
    settings_from(collector)
    return backend.asked | collector.asked


def test_every_setting_is_listed(read: set[str]) -> None:
    assert read - set(listed()) == set()


def test_nothing_else_is_listed(read: set[str]) -> None:
    assert set(listed()) - read == FOR_COMPOSE_ALONE


def test_the_source_names_no_other_variable(read: set[str]) -> None:
    named = {
        name for path in python_files("backend", "collector", "common", "simulator") for name in
        _VARIABLE.findall(text_of(path))
    }  # fmt: skip
    # Beginnings of names, joined in the source.
    beginnings = {name for name in named if any(other.startswith(f"{name}_") for other in read)}

    assert named - read - set(UNLISTED) - beginnings == set()


def test_the_example_works_once_its_blanks_are_filled(tmp_path: Path) -> None:
    filled = live_environ(tmp_path)
    blanks = {name: filled.get(name, "") for name, value in listed().items() if not value}
    files = {
        name: filled[name] for name in listed() if name.endswith(("_FILE", "VERIFY_KEYS")) and name in filled
    }

    assert load_settings({**listed(), **blanks, **files}).pay.notify_url.startswith("https://")


def test_the_examples_collector_part_works_once_its_blanks_are_filled(tmp_path: Path) -> None:
    filled = {**listed(), **collector_environ(tmp_path)}
    filled["PREWATT_COLLECTOR_URL"] = listed()["PREWATT_COLLECTOR_URL"]

    assert settings_from(filled).url == listed()["PREWATT_COLLECTOR_URL"]

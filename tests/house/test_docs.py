"""The documents: every link leads somewhere, every command exists, both READMEs say the same."""

import argparse
import re
from pathlib import Path

import pytest

from backend.cli import _parser
from tests.house.source import ROOT, text_of, tracked_files

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:[a-z_.]+/)+[A-Za-z0-9_.-]*)`")
_PREWATT = re.compile(r"`prewatt ([a-z-]+(?: [a-z]+)?)")
_MAKE = re.compile(r"\bmake ((?:[A-Z]+=\S+ )*)([a-z][a-z-]*)")
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
# Named in a document, made by a run or by those who install it.
MADE_LATER = {"secrets/", "var/"}

COMMANDS = {
    name
    for action in _parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for name in action.choices
}
DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md"]
DECISIONS = [path for path in DOCUMENTS if path.match("docs/decisions/[0-9]*.md")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_a_link_leads_somewhere(path: Path) -> None:
    targets = [one for one in _LINK.findall(text_of(path)) if "://" not in one]

    assert [one for one in targets if not (ROOT / path.parent / one).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_a_path_that_is_named_is_there(path: Path) -> None:
    named = [one for one in _PATH.findall(text_of(path)) if one not in MADE_LATER]
    # As seen from the root, from the document's folder, or from the package that the document is about.
    places = [ROOT, ROOT / path.parent, ROOT / path.parts[0], ROOT / "backend"]
    missing = [one for one in named if not any((place / one).exists() for place in places)]

    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_a_command_exists(path: Path) -> None:
    unknown = [one for one in _PREWATT.findall(text_of(path)) if one.partition(" ")[0] not in COMMANDS]

    assert unknown == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_a_make_target_exists(path: Path) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    code = "\n".join(re.findall(r"`[^`\n]+`|^make .*$", text_of(path), re.MULTILINE))

    assert {name for _, name in _MAKE.findall(code)} - targets == set()


def test_both_readmes_lead_to_the_same_places() -> None:
    english, chinese = (set(_LINK.findall(text_of(Path(name)))) for name in ("README.md", "README.zh-CN.md"))

    assert english - {"README.zh-CN.md"} == chinese - {"README.md"}


def test_the_tour_visits_all_nine_demands() -> None:
    rows = [line for line in text_of(Path("README.md")).splitlines() if re.match(r"\| R\d ", line)]

    assert [line[2:4] for line in rows] == [f"R{number}" for number in range(1, 10)]
    assert all(_LINK.search(line) for line in rows)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_four_parts(path: Path) -> None:
    parts = re.findall(r"^## (.+)$", text_of(path), re.MULTILINE)

    assert parts == ["Context", "Decision", "Consequences", "Alternatives"]


def test_the_index_lists_every_decision() -> None:
    listed = set(_LINK.findall(text_of(Path("docs/decisions/README.md"))))

    assert listed == {path.name for path in DECISIONS}

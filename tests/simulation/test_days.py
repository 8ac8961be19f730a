"""A small mall lives a day on virtual time, twice: every law holds, and the ledger is the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.days import run_days


def day(tmp_path: Path, name: str, seed: int) -> dict[str, Any]:
    figures = tmp_path / name
    assert run_days(1, seed, figures, shops=6) == 0
    return dict(json.loads(figures.read_text()))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_ledger_and_breaks_no_law(tmp_path: Path) -> None:
    first, second = day(tmp_path, "first", 7), day(tmp_path, "second", 7)

    assert first["laws_broken"] == second["laws_broken"] == 0
    assert first["days_hash"] == second["days_hash"]
    assert first["readings"] > 6 * 280
    assert first["entries"]["TOP_UP"] >= 6


@pytest.mark.slow
def test_another_seed_gives_another_ledger(tmp_path: Path) -> None:
    assert day(tmp_path, "first", 7)["days_hash"] != day(tmp_path, "second", 8)["days_hash"]

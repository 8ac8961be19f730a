"""A small mall with planted faults: every kilowatt-hour in its place, every fault told once."""

import json
from pathlib import Path

import pytest

from simulator.days import run_days


@pytest.mark.slow
def test_faults_are_told_once_and_cost_nobody_energy_or_light(tmp_path: Path) -> None:
    figures = tmp_path / "figures"

    assert run_days(1, 1, figures, shops=45, faults=True) == 0

    told = json.loads(figures.read_text())
    assert told["faults_alarmed"] == told["faults_planted"] >= 10
    assert told["laws_broken"] == told["energy_wrong"] == told["unfair_trips"] == 0
    assert told["alarms_doubled"] == told["alarms_missed"] == told["alarms_unexplained"] == 0
    assert told["paid_off_over_s"] <= 10

"""A mall that was stopped, or killed, comes back as it was."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from common.clock import ManualClock
from common.streams import dial_tcp
from simulator.mall import Mall
from simulator.mall_main import SAVE_EVERY_S
from simulator.mall_state import StateError, load_state, save_state
from simulator.time_line import to_us
from tests.simulation_mall.master import MORNING, Master

DOWN = timedelta(hours=5)
WAIT_LIMIT_S = 20.0


def build(clock: ManualClock, seed: int = 1) -> Mall:
    return Mall.build(seed, clock, shafts=1, lines_per_gateway=1, prepaid=12, public=2)


def test_registers_go_on_with_the_load_of_the_time_between(tmp_path: Path) -> None:
    clock = ManualClock(MORNING)
    first = build(clock)
    tripped, faulty, plain = list(first.meters)[:3]
    first.meters[tripped].force(to_us(MORNING), 1, 1)
    first.switch_meter(faulty, "falls_steps", 50)
    first.switch_meter(faulty, "overload", 3)
    clock.advance(60)
    before = {serial: first.truth(serial) for serial in first.meters}
    save_state(first, tmp_path / "state.json")

    clock.advance(DOWN.total_seconds())
    second = build(clock)
    assert load_state(second, tmp_path / "state.json")

    for serial in second.meters:
        assert second.truth(serial) == first.truth(serial)
        assert second.truth(serial).register_wh >= before[serial].register_wh
        assert second.register_at(serial, MORNING) == first.register_at(serial, MORNING)
    assert second.truth(tripped).energy_wh == before[tripped].energy_wh
    assert second.truth(plain).energy_wh > before[plain].energy_wh


def test_a_relay_under_way_arrives_after_the_restart(tmp_path: Path) -> None:
    clock = ManualClock(MORNING)
    first = build(clock)
    serial = next(iter(first.meters))
    first.meters[serial].force(to_us(MORNING), 1, 1)
    save_state(first, tmp_path / "state.json")

    second = build(clock)
    load_state(second, tmp_path / "state.json")
    assert second.truth(serial).relay_closed
    clock.advance(1)
    assert not second.truth(serial).relay_closed


def test_without_a_file_there_is_nothing_to_load(tmp_path: Path) -> None:
    assert not load_state(build(ManualClock(MORNING)), tmp_path / "none.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", "{not json"])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)

    with pytest.raises(StateError, match="no state"):
        load_state(build(ManualClock(MORNING)), path)


def test_another_malls_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    save_state(build(ManualClock(MORNING), seed=2), path)

    with pytest.raises(StateError, match="another mall"):
        load_state(build(ManualClock(MORNING)), path)


@contextmanager
def process(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", httpx.Client]]:
    """Run the mall's program; yields it with a client of its control API."""
    arguments = ["--base-port", "0", "--state", str(folder / "s.json"), "--site-file", str(folder / "s.toml")]
    with subprocess.Popen(
        [sys.executable, "-m", "simulator.mall_main", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    ) as running:
        assert running.stdout is not None
        try:
            ready = running.stdout.readline()
            with httpx.Client(base_url=ready.split()[-1], trust_env=False) as client:
                yield running, client
        finally:
            running.kill()


async def test_the_killed_program_comes_back_with_its_relays_and_registers(tmp_path: Path) -> None:
    with process(tmp_path) as (running, client):
        line = client.get("/lines").json()["lines"][0]
        reader, writer = await dial_tcp(line["host"], line["port"])
        master = Master((reader, writer))
        await master.trip(2)
        serial = await _moved(tmp_path / "s.json", client)
        before = client.get("/truth").json()["meters"]
        writer.close()
        running.kill()
        running.wait()

    with process(tmp_path) as (running, client):
        after = {meter["serial"]: meter for meter in client.get("/truth").json()["meters"]}
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0

    assert not after[serial]["relay_closed"]
    for meter in before:
        assert after[meter["serial"]]["register_wh"] >= meter["register_wh"]
    assert after[serial]["energy_wh"] == next(m for m in before if m["serial"] == serial)["energy_wh"]


async def _moved(path: Path, client: httpx.Client) -> str:
    """Wait until a contact has moved and the file says so; returns the meter's serial."""
    async with asyncio.timeout(WAIT_LIMIT_S):
        while not (moves := client.get("/moves").json()["moves"]):
            await asyncio.sleep(SAVE_EVERY_S / 5)
        serial: str = moves[0]["serial"]
        while not path.exists() or json.loads(path.read_text())["meters"][serial]["moved_at_us"] is None:
            await asyncio.sleep(SAVE_EVERY_S / 5)
        return serial

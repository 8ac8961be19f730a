"""What a simulated mall keeps over a restart: one JSON file (存档).

The load is a function of time, so only what was done to a meter has to be kept: its register goes on
with the load that was drawn while the simulator was away, as a real one would.
"""

import json
import os
from pathlib import Path

from simulator.mall import Mall

VERSION = 1


class StateError(Exception):
    """The file belongs to another mall or is damaged; one sentence says which."""


def save_state(mall: Mall, path: Path) -> None:
    """Write the state beside `path` and put it in place at once: a reader never sees half a file."""
    kept = {
        "version": VERSION,
        "seed": mall.seed,
        "installed_at": mall.installed_at.isoformat(),
        "meters": {serial: meter.to_json() for serial, meter in mall.meters.items()},
    }
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load_state(mall: Mall, path: Path) -> bool:
    """Take up a kept state; returns False when there is no file. Meters that it lacks stay new.

    Raises StateError for another mall's file: its registers would fall.
    """
    if not path.exists():
        return False
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        same = (kept["version"], kept["seed"], kept["installed_at"])
        meters = kept["meters"]
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path.name} is no state of a simulated mall: {error!r}") from error
    if same != (VERSION, mall.seed, mall.installed_at.isoformat()):
        raise StateError(f"{path.name} belongs to another mall: version, seed, installed_at = {same}")
    for serial, state in meters.items():
        if serial in mall.meters:
            mall.meters[serial].load_json(state)
    return True

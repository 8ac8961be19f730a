"""The sample in several processes: python -m tests.edge.run_workers <folder> <public> <private> <count>."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from backend.edge import Edge
from backend.handlers.operations import show_metrics
from backend.routing import registry
from backend.settings import Settings
from backend.workers import run_workers
from tests.edge import sample
from tests.edge.conftest import context_of


@asynccontextmanager
async def open_sample(settings: Settings) -> AsyncIterator[Edge]:
    metrics = [one for one in registry() if one.handler is show_metrics.handle]
    operations = [*sample.sample_registry.operations(), *metrics]
    yield Edge(context_of(settings), sample.authenticate, operations=operations)


def main() -> int:
    folder, public, private, count = sys.argv[1:]
    values: dict[str, Any] = dict.fromkeys(Settings.__struct_fields__)
    values |= {
        "data_dir": Path(folder),
        "public_listen": ("127.0.0.1", int(public)),
        "private_listen": ("127.0.0.1", int(private)),
        "workers": int(count),
    }
    return run_workers(Settings(**values), open_sample)


if __name__ == "__main__":
    sys.exit(main())

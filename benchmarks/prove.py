"""Prove what must never happen, against the real processes (证明).

    python -m benchmarks.prove [--short] [forged] [hundredfold] [dropped] [redis_down] [failpoints]
        [power_limit] [growth] [line]

Prints one JSON object last, and writes it to the file named by the environment variable JSON. Exits
with 1 when something does not hold. `--short` runs the part that CI has time for.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from benchmarks.prove_case import Case, Proof, Shown
from benchmarks.prove_dropped import prove_dropped
from benchmarks.prove_failpoints import prove_failpoints
from benchmarks.prove_forged import prove_forged
from benchmarks.prove_growth import prove_growth
from benchmarks.prove_hundredfold import prove_hundredfold
from benchmarks.prove_line import prove_line
from benchmarks.prove_power_limit import prove_power_limit
from benchmarks.prove_redis import prove_redis_down
from common.clock import SystemClock
from tests.servers import MariaDb, mariadb

PROOFS: dict[str, Proof] = {
    "forged": prove_forged,
    "hundredfold": prove_hundredfold,
    "dropped": prove_dropped,
    "redis_down": prove_redis_down,
    "failpoints": prove_failpoints,
    "power_limit": prove_power_limit,
    "growth": prove_growth,
    "line": prove_line,
}
SHORT = ("forged", "hundredfold", "dropped", "failpoints", "line")


def main() -> int:
    """Run the proofs that are named, or all; return the exit status."""
    parser = argparse.ArgumentParser(description="证明：伪造、重复、丢失、断缓存、断点、扩容、线路")
    parser.add_argument("names", nargs="*", choices=[*PROOFS, []], metavar="名称", help=" ".join(PROOFS))
    parser.add_argument("--short", action="store_true", help="CI 用的较短一组")
    parser.add_argument("--keep", action="store_true", help="保留各进程的日志")
    options = parser.parse_args()
    names = options.names or list(SHORT if options.short else PROOFS)
    folder = Path(tempfile.mkdtemp(prefix="prewatt-prove-"))
    try:
        (folder / "mariadb").mkdir()
        with mariadb(folder / "mariadb") as server:
            figures, faults = asyncio.run(_run_all(folder, server, names, options.short))
    finally:
        if options.keep:
            print(f"日志：{folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    _write(figures | {"proved": not faults, "faults": faults})
    return int(bool(faults))


async def _run_all(
    folder: Path, server: MariaDb, names: list[str], is_short: bool
) -> tuple[dict[str, Any], list[str]]:
    figures: dict[str, Any] = {}
    faults: list[str] = []
    clock = SystemClock()
    me = asyncio.current_task()
    assert me is not None
    # Told to end: the processes that were started end too.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    for name in names:
        began_s = clock.monotonic()
        shown = await run_proof(PROOFS[name], Case(folder / name, server, clock, is_short))
        seconds = clock.monotonic() - began_s
        figures |= shown.figures
        faults += [f"{name}: {fault}" for fault in shown.faults]
        print(f"{name}: {'未成立' if shown.faults else '成立'}，{seconds:.0f} s，{shown.figures}", flush=True)
        for fault in shown.faults:
            print(f"  {fault}", flush=True)
    return figures, faults


async def run_proof(proof: Proof, case: Case) -> Shown:
    """Run one proof; one that breaks has failed, and the others still run."""
    try:
        return await proof(case)
    except Exception as error:
        traceback.print_exc()
        return Shown(faults=[f"{type(error).__name__}: {error}"])


def _write(figures: dict[str, Any]) -> None:
    text = json.dumps(figures, ensure_ascii=False)
    if path := os.environ.get("JSON"):
        Path(path).write_text(text + "\n", encoding="utf-8")
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""The proofs in short, and what becomes of one that breaks."""

from pathlib import Path

import pytest

from benchmarks.prove import run_proof
from benchmarks.prove_case import Case, Proof, Shown
from benchmarks.prove_forged import prove_forged
from benchmarks.prove_hundredfold import prove_hundredfold
from common.clock import SystemClock
from tests.servers import MariaDb


@pytest.fixture
def case(mariadb_server: MariaDb, tmp_path: Path) -> Case:
    return Case(tmp_path, mariadb_server, SystemClock(), is_short=True)


@pytest.mark.parametrize("proof", [prove_forged, prove_hundredfold])
@pytest.mark.slow
async def test_a_proof_holds(proof: Proof, case: Case) -> None:
    assert (await proof(case)).faults == []


async def test_a_proof_that_breaks_has_failed(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(_: Case) -> Shown:
        raise RuntimeError("the mall burns")

    assert (await run_proof(broken, case)).faults == ["RuntimeError: the mall burns"]
    assert "the mall burns" in capsys.readouterr().err

"""The proof of the line on a smaller count, and that it sees what it must see."""

import pytest

from benchmarks.prove_line import TRANSPORTS, faults_of, in_memory
from collector.link_rest import Rests
from collector.link_time import LineTime

COUNT = 1_500


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_wrong_value_is_taken_from_a_faulty_line(transport: str) -> None:
    found = in_memory(transport, COUNT, seed=5)

    assert found.transactions >= COUNT
    assert found.accepted > 0.8 * COUNT
    assert found.wrong == 0
    # The faults did strike; a Modbus TCP gateway keeps most of them to itself.
    assert found.timeouts + found.strays + found.bad_frames > 0.01 * COUNT


def test_without_the_matching_rules_wrong_values_are_taken_and_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rests, "may_ask", lambda self, meter, request, now_s, is_read_back=False: now_s)
    monkeypatch.setattr(LineTime, "begins_s", lambda self, request: 0.0)
    monkeypatch.setattr(LineTime, "ends_s", lambda self, request, characters: 0.0)

    assert in_memory("rtu-tcp", 8_000, seed=1).wrong > 0


def test_a_wrong_value_is_a_fault_of_the_proof() -> None:
    assert faults_of({"wrong_values": {"rtu-tcp": {"memory": 1, "sockets": 0}}}) == [
        "rtu-tcp memory: 1 wrong values accepted"
    ]

"""The counts that `make test` prints."""

from pathlib import Path

from tests.run import Counts, count, figures

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest">
<testcase classname="tests.domain.test_ledger" name="test_an_entry_sums_to_zero" time="0.1" />
<testcase classname="tests.people.test_audit" name="test_a_record[sqlite]" time="0.1" />
<testcase classname="tests.people.test_audit" name="test_a_record[mariadb]" time="0.1" />
<testcase classname="tests.worker.test_outbox" name="test_a_key[mariadb-twice]" time="0.1">
<failure message="assert 2 == 1">...</failure></testcase>
<testcase classname="tests.edge.test_names" name="test_a_word[about mariadb]" time="0.1" />
<testcase classname="tests.worker.test_valkey" name="test_valkey[sqlite]" time="0.1"><skipped /></testcase>
</testsuite></testsuites>"""


def test_a_run_is_counted_by_database(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT, encoding="utf-8")

    assert count(report) == Counts(tests=5, sqlite=1, mariadb=2, failed=1, skipped=1)


def test_the_figures_have_their_names() -> None:
    shown = figures(Counts(tests=5, sqlite=1, mariadb=2, failed=1), 12.5)

    assert shown == {"tests": 5, "tests_sqlite": 1, "tests_mariadb": 2, "failed": 1, "seconds": 12.5}

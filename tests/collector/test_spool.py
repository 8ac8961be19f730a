"""The spool: nothing is forgotten before the backend has confirmed it, over restarts too."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.settings import CollectorConfigError
from collector.spool import Spool
from common.wire import OrderClass, Plan, Relay, Stage
from tests.collector.site import restore, trip

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def filled(path: str = ":memory:", rows: int = 10) -> Spool:
    spool = Spool(path)
    for number in range(rows):
        spool.readings.add(str(number).encode(), NOW + timedelta(seconds=number))
    return spool


def test_readings_go_in_order() -> None:
    batch = filled().readings.batch(3)

    assert batch is not None and batch.bodies == [b"0", b"1", b"2"]


def test_outcomes_go_in_order() -> None:
    spool = Spool(":memory:")
    for number in range(3):
        spool.outcomes.add(str(number).encode(), NOW)

    batch = spool.outcomes.batch(10)

    assert batch is not None and batch.bodies == [b"0", b"1", b"2"]


def test_a_batch_stays_the_same_until_it_is_confirmed() -> None:
    spool = filled()
    first = spool.readings.batch(3)
    spool.readings.add(b"newer", NOW)

    assert spool.readings.batch(3) == first
    assert first is not None
    spool.readings.acknowledge(first.number)
    second = spool.readings.batch(3)
    assert second is not None and second.bodies == [b"3", b"4", b"5"]
    assert second.number == first.number + 1


def test_a_batch_under_way_survives_a_restart_with_its_number(tmp_path: Path) -> None:
    path = str(tmp_path / "spool.db")
    before = filled(path)
    batch = before.readings.batch(4)
    before.close()

    after = Spool(path)

    assert after.readings.batch(4) == batch
    assert after.readings.count == 10


def test_numbers_are_not_used_again_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "spool.db")
    before = filled(path, 2)
    batch = before.readings.batch(10)
    assert batch is not None
    before.readings.acknowledge(batch.number)
    before.close()
    after = Spool(path)
    after.readings.add(b"x", NOW)

    again = after.readings.batch(10)

    assert again is not None
    assert (again.epoch, again.number) == (batch.epoch, batch.number + 1)


def test_each_new_spool_is_an_epoch_of_its_own(tmp_path: Path) -> None:
    one, other = Spool(str(tmp_path / "a.db")), Spool(str(tmp_path / "b.db"))

    assert len({one.readings.epoch, one.outcomes.epoch, other.readings.epoch, other.outcomes.epoch}) == 4


def test_an_unreadable_row_is_found_by_halving_and_dropped_alone() -> None:
    spool = filled(rows=8)
    sent = []
    while (batch := spool.readings.batch(8)) is not None:
        if b"3" in batch.bodies:
            spool.readings.split()
        else:
            sent += batch.bodies
            spool.readings.acknowledge(batch.number)

    assert sorted(sent) == [b"0", b"1", b"2", b"4", b"5", b"6", b"7"]
    assert spool.readings.count == 0


def test_rows_are_kept_for_30_days() -> None:
    spool = filled(rows=2)

    assert spool.expire(NOW + timedelta(days=29)) == 0
    assert spool.expire(NOW + timedelta(days=30, seconds=1)) == 1
    assert spool.readings.count == 1


def test_orders_and_the_plan_are_found_again(tmp_path: Path) -> None:
    path = str(tmp_path / "spool.db")
    before = Spool(path)
    plan = Plan(version="v7", site_id="S1", lines=[])
    before.keep_plan(plan)
    before.keep_order(trip("m1", 1, order_class=OrderClass.SAFETY), NOW)
    before.keep_order(restore("m1", 2), NOW)
    before.keep_order(trip("m2", 5), NOW)
    before.end_order("m1", 1, Stage.SUPERSEDED)
    before.end_order("m2", 5, Stage.VERIFIED)
    before.close()

    after = Spool(path)

    assert after.plan() == plan
    kept = after.orders()
    assert (kept["m1"].desired.relay, kept["m1"].ended) == (Relay.ON, False)
    assert kept["m2"].ended and kept["m2"].verified


def test_a_spool_that_cannot_be_used_names_its_variable(tmp_path: Path) -> None:
    broken = tmp_path / "spool.db"
    broken.write_bytes(b"this is no database" * 100)

    with pytest.raises(CollectorConfigError, match="PREWATT_COLLECTOR_SPOOL"):
        Spool(str(broken))

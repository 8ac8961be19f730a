"""What a job file declares, and what is refused."""

from types import ModuleType
from typing import Any

import msgspec
import pytest

from backend.jobs import Done, Lane, job_of, load_jobs
from backend.outbox import LANE_SLOTS, PER_KIND
from tests.worker.shop import Number


def module(**declared: Any) -> ModuleType:
    made = ModuleType("backend.jobs.sample")
    made.__dict__.update(declared)
    return made


async def run(ctx: object, payload: Number) -> Done:
    return Done()


def test_every_job_file_of_the_product_is_found_and_fits_its_column() -> None:
    jobs = load_jobs()
    assert {"query_payment", "watch_restore", "check_supply"} <= set(jobs)
    assert all(kind == job.kind and len(kind) <= 32 for kind, job in jobs.items())


def test_a_recurring_job_can_be_made_without_facts() -> None:
    for job in load_jobs().values():
        if job.every_s is not None or job.daily_at is not None:
            assert msgspec.json.decode(msgspec.json.encode(job.payload()), type=job.payload) == job.payload()


def test_money_and_supply_go_in_the_prompt_lane() -> None:
    jobs = load_jobs()
    for kind in ("query_payment", "watch_restore", "check_supply"):
        assert jobs[kind].lane is Lane.PROMPT


def test_a_file_may_name_its_lane() -> None:
    assert job_of(module(KIND="x", Payload=Number, run=run, LANE=Lane.SLOW)).lane is Lane.SLOW


@pytest.mark.parametrize(
    "declared",
    [
        {"Payload": Number, "run": run},
        {"KIND": "x", "run": run},
        {"KIND": "x", "Payload": Number},
        {"KIND": "x", "Payload": Number, "run": run, "EVERY_S": 60.0, "DAILY_AT": "00:05"},
    ],
)
def test_a_file_that_is_incomplete_or_contradicts_itself_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"backend\.jobs\.sample"):
        job_of(module(**declared))


def test_one_kind_never_fills_the_prompt_lane() -> None:
    assert LANE_SLOTS[Lane.PROMPT] > PER_KIND

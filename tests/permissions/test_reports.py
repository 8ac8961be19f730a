"""Each report asks for its own right: money, energy, or one's own takings alone."""

from typing import Any

import msgspec
import pytest

from backend.models.exports import ExportJob
from tests.permissions.conftest import OPERATIONS, Guarded

MONEY = {"sales-by-day", "sales-by-month", "shops"}
ENERGY = {"public-areas", "readings", "switching", "availability"}
MAY = {
    "cashier": {"sales-by-day"},
    "finance": MONEY | ENERGY,
    "electrician": ENERGY,
    "manager": MONEY | ENERGY,
    "administrator": set(),
}
REQUEST = {"request_id": "3f1c0f5e-7a53-4f0e-9f0e-0d6c1f4b7a11"}


async def json_of(guarded: Guarded, name: str, role: str, **more: Any) -> tuple[int, Any]:
    answer = await guarded.call(OPERATIONS[name], await guarded.sign_in(role), **more)
    return answer.status, msgspec.json.decode(answer.body) if answer.body else None


@pytest.mark.parametrize("role", MAY)
async def test_a_role_sees_its_reports_and_no_others(guarded: Guarded, role: str) -> None:
    statuses = {
        kind: (await json_of(guarded, "staff.show_report", role, path={"kind": kind}))[0]
        for kind in MONEY | ENERGY
    }

    assert {kind for kind, status in statuses.items() if status == 200} == MAY[role]
    assert {status for kind, status in statuses.items() if kind not in MAY[role]} <= {403}


@pytest.mark.parametrize("role", [role for role, kinds in MAY.items() if kinds])
async def test_a_role_is_told_what_it_may_see(guarded: Guarded, role: str) -> None:
    _, choices = await json_of(guarded, "staff.show_report_choices", role)

    assert {one["kind"] for one in choices["kinds"]} == MAY[role]


async def test_a_cashier_cannot_look_into_another_till(guarded: Guarded) -> None:
    await guarded.hire("cashier")

    _, report = await json_of(
        guarded, "staff.show_report", "cashier", path={"kind": "sales-by-day"}, query={"group": "shop"}
    )

    assert report["own"] is True and report["group"] == "day"


async def test_another_malls_report_holds_nothing_of_ours(guarded: Guarded) -> None:
    await guarded.foreign.pay(12_345, "Z001")
    await guarded.mall.pay(500)

    _, report = await json_of(guarded, "staff.show_report", "finance", path={"kind": "sales-by-day"})

    assert [one["report"] for one in report["ties"]] == [500, 1]


async def test_a_file_is_given_to_who_asked_and_to_whoever_may_see_the_same(guarded: Guarded) -> None:
    _, made = await json_of(
        guarded, "staff.ask_export", "finance", body={**REQUEST, "kind": "sales-by-day", "whole": True}
    )
    await guarded.mall.runner.run_due()
    assert (await ExportJob.get(id=int(made["export_id"]))).state.value == "done"
    operation = OPERATIONS["staff.show_export_file"]

    statuses = {
        role: (
            await guarded.call(operation, await guarded.sign_in(role), path={"export_id": made["export_id"]})
        ).status
        for role in MAY
    }

    assert {role for role, status in statuses.items() if status == 200} == {"finance", "manager"}


async def test_another_malls_file_is_not_found(guarded: Guarded) -> None:
    other = await ExportJob.create(
        id=guarded.mall.ctx.ids.new(),
        site_id=guarded.foreign.site_id,
        asked_by=1,
        key="1:x",
        kind="shops",
        asked_at=guarded.mall.clock.now(),
    )
    for name in ("staff.show_export_file", "staff.cancel_export", "staff.retry_export"):
        status, _ = await json_of(guarded, name, "manager", path={"export_id": other.id})
        assert (name, status) == (name, 404)


async def test_a_colleagues_export_is_not_steered(guarded: Guarded) -> None:
    _, made = await json_of(guarded, "staff.ask_export", "finance", body={**REQUEST, "kind": "shops"})

    status, _ = await json_of(
        guarded, "staff.cancel_export", "manager", path={"export_id": made["export_id"]}
    )

    assert status == 404

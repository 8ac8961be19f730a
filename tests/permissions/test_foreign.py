"""Another mall's things and another shop's account: not found, for whoever may do it at home."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec import to_builtins

from backend.context import CallerKind
from backend.models.accounts import Account, Contact
from backend.models.ledger import Entry
from backend.models.meters import Meter, RatioChange
from backend.models.operations import Alarm, StaffTask
from backend.models.payments import TopUp, TopUpState
from backend.models.people import Binding, Staff
from backend.models.receipts import Receipt
from backend.models.supply import OffReason, ReadRequest, SupplyOrder
from backend.models.tariffs import Tariff, TariffDraft
from backend.services.alarm_book import raise_alarm
from backend.services.contact_checks import send_code
from backend.services.control_supply import read_now, trip
from backend.services.counter_top_up import Method, Payment, top_up_at_counter
from backend.services.keep_supply import ask_keep_supply
from backend.services.meter_changes import Replacement, ask_change
from backend.services.native_orders import Scan, order_native
from backend.services.ratio_changes import RatioBody, ask_ratio_change
from backend.services.reversals import ask_reversal
from backend.services.show_site import show_site
from backend.services.tariff_drafts import make_draft
from backend.services.tasks import open_task
from backend.store import unit_of_work
from common.wire import ReadingKind
from tests.permissions.conftest import GUARDED, OPERATIONS, Guarded, close
from tests.services.rules import TERMS, content

HANGING = {"unit": 99, "profile": "acrel-ddsy1352", "rated_power_w": 1_000}
CARD = Payment(amount_fen=5_000, method=Method.CARD, reference="1", request_id="elsewhere")
RATIO = RatioBody(ct_ratio=40, rated_power_w=100_000, replaced=True, reason="更换互感器")
HUGE = 2**70  # No id of ours; more than a database can hold.
DAYS = {"first_on": "2026-03-01", "last_on": "2026-03-02"}
RANGES = {
    "tenant.show_usage": DAYS,
    "staff.show_account_usage": DAYS,
    "staff.weigh_register": {"read_at": "2026-03-01T00:00:00Z", "accept": "true"},
    "staff.show_statement": {"from": "2026-03-01", "to": "2026-03-02"},
}
WITH_OBJECTS = [name for name in GUARDED if "{" in OPERATIONS[name].path]


async def things(guarded: Guarded) -> dict[str, Any]:
    """Ids of the neighbour's things, by the name that a path gives them."""
    other = guarded.foreign
    account, meter = await other.account("Z001"), await other.meter("Z001")
    until_at = other.clock.now() + timedelta(hours=1)
    kept = await ask_keep_supply(other.as_staff(9), account.id, until_at, "别处")
    await unit_of_work(
        lambda: open_task(other.ctx, other.site_id, "x", cause="x", text="x", account_id=account.id)
    )
    alarm = await unit_of_work(
        lambda: raise_alarm(other.ctx, other.site_id, "meter_clock", "1", "x", meter_id=meter.id)
    )
    await trip(other.as_staff(9), meter.id, "别处")
    till = await top_up_at_counter(other.as_staff(9), account.id, CARD)
    code = await order_native(other.as_staff(9), account.id, Scan(amount_fen=5_000, request_id="code"))
    (shaft,) = await show_site(other.as_staff(9))
    tariff = await Tariff.get(site_id=other.site_id)
    (gateway,) = shaft.gateways
    binding = await Binding.create(
        id=other.ctx.ids.new(),
        tenant_id=1,
        account_id=account.id,
        bound_at=other.clock.now(),
        standing_key="x",
    )
    stranger = await Staff.create(
        id=other.ctx.ids.new(), site_id=other.site_id, username="stranger", name="别处", password_hash="x"
    )
    return {
        "staff_id": stranger.id,
        "role_code": "elsewhere",
        "tariff_id": tariff.id,
        "draft_id": int(await make_draft(other.as_staff(9), tariff.id, content("2026-05-01"), uuid4())),
        "binding_id": binding.id,
        "contact_id": (await Contact.get(account_id=account.id)).id,
        "shaft_id": int(shaft.shaft_id),
        "gateway_id": int(gateway.gateway_id),
        "line_id": int(gateway.lines[0].line_id),
        "ratio_change_id": int(await ask_ratio_change(other.as_staff(9), meter.id, RATIO)),
        "account_id": account.id,
        "entry_id": int(till.top_up_id),
        "top_up_id": int(code.top_up_id),
        "approval_id": int((await ask_reversal(other.as_staff(9), int(till.top_up_id), "别处")).approval_id),
        "on": "2026-03-02",
        "alarm_id": alarm.id,
        "meter_id": meter.id,
        "keep_supply_id": int(kept),
        "order_id": (await SupplyOrder.get(site_id=other.site_id)).id,
        "task_id": (await StaffTask.get(site_id=other.site_id)).id,
        "read_request_id": int(await read_now(other.as_staff(9), meter.id)),
        "meter_change_id": int(
            await ask_change(
                other.as_staff(9),
                meter.id,
                Replacement(serial="NEW9", register_wh=0),
                reason="别处",
                old_register_wh=5,
                changed_at=None,
                confirmed=False,
            )
        ),
        "shop_id": account.shop_id,
        "contact_check_id": int((await send_code(other.as_staff(9), "13900000001")).check_id),
        "order_no": (await other.order(5_000, "Z001")).order_no,
    }


def right_body(guarded: Guarded, name: str) -> dict[str, Any] | None:
    """A body with which the same call at home would go through."""
    until_at = guarded.mall.clock.now() + timedelta(hours=1)
    why, request = {"reason": "改造"}, {"request_id": str(uuid4())}
    why = {"reason": "改造"}
    person, note = {"name": "李四", "phone": "13911110000"}, {"remark": "靠近电梯"}
    bodies: dict[str, dict[str, Any]] = {
        "staff.draft_tariff": {"content": to_builtins(content("2026-05-01")), "request_id": str(uuid4())},
        "staff.change_tariff_draft": {"content": to_builtins(content("2026-05-01"))},
        "staff.submit_tariff_draft": why,
        "staff.decide_tariff_draft": {"granted": True},
        "staff.change_terms": {"terms": TERMS, "totp": guarded.totp(), **why},
        "staff.set_staff_roles": {"role_codes": ["cashier"], **why},
        "staff.reset_password": {"password": "correct horse battery", **why},
        **dict.fromkeys(("staff.disable_staff", "staff.enable_staff", "staff.end_sessions"), why),
        "staff.ask_totp_reset": why,
        "staff.decide_totp_reset": {"granted": True},
        "staff.recut_role": {"permissions": ["staff.board"], **why},
        "staff.acknowledge_alarm": {},
        **dict.fromkeys(("staff.add_contact", "staff.change_contact"), person),
        **dict.fromkeys(("staff.remove_contact", "staff.revoke_binding"), why),
        **dict.fromkeys(("staff.remark_shop", "staff.remark_meter"), note),
        "staff.assign_alarm": {"staff_id": "1"},
        "staff.clear_alarm": {"reason": "已处理"},
        "staff.snooze_alarm": {"until_at": until_at.isoformat(), "reason": "等备件"},
        "staff.add_meters": {"meters": [{**HANGING, "serial": "N1", "kind": "public"}]},
        "staff.change_meter": {**HANGING, "line_id": "1"},
        "staff.change_shaft": {"code": "S9", "name": "新井"},
        "staff.change_gateway": {"code": "G9", "name": "新机", "host": "10.0.0.1", "shaft_id": "1"},
        "staff.change_line": {"code": "L9", "protocol": "modbus-tcp", "port": 502, "gateway_id": "1"},
        **dict.fromkeys(("staff.remove_shaft", "staff.remove_gateway", "staff.remove_line"), why),
        "staff.ask_ratio_change": to_builtins(RATIO),
        "staff.decide_ratio_change": {"granted": True},
        "staff.report_replaced": {},
        "staff.ask_keep_supply": {"until_at": until_at.isoformat(), "reason": "冷库有货"},
        "staff.decide_keep_supply": {"granted": True},
        "staff.ask_meter_change": {
            "serial": "NEW1",
            "register_wh": 0,
            "old_register_wh": 5,
            "reason": "烧表",
        },
        "staff.decide_meter_change": {"granted": True},
        "staff.top_up_at_counter": {"amount_fen": 100, "method": "cash", "received_fen": 100, **request},
        "staff.order_native": {"amount_fen": 5_000, **request},
        "staff.print_receipt": request,
        "staff.ask_reversal": why,
        "staff.decide_reversal": {"granted": True},
        "staff.decide_register": {
            "read_at": guarded.mall.clock.now().isoformat(),
            "accept": True,
            "reason": "现场核对",
        },
        "staff.decide_trip": {"trip": True, "reason": "欠费", "totp": guarded.totp()},
        "staff.cancel_command": {"reason": "误操作"},
        "staff.emergency_trip": {"reason": "冒烟"},
        "staff.explain_emergency": {"reason": "冒烟"},
        "staff.refuse_lift": {"reason": "尚未排除"},
        "staff.finish_task": {"note": "已办"},
        "staff.restore": {"reason": "已排除"},
        "staff.set_power_limit": {"power_limit_w": 3_000, "night_limit_w": None, "reason": "合同功率"},
        "staff.reissue_door_code": {"reason": "门铺码损坏"},
        "staff.try_contact_code": {"code": "123456"},
        "staff.trip": {"reason": "检修", "totp": guarded.totp()},
        "tenant.begin_top_up": {"amount_fen": 5_000, "request_id": "request-1"},
    }
    return bodies.get(name)


async def knock(guarded: Guarded, name: str, path: dict[str, Any]) -> int:
    operation = OPERATIONS[name]
    at_the_till = operation.permission == "staff.top_up"
    caller = "tenant" if operation.kind is CallerKind.TENANT else "cashier" if at_the_till else "manager"
    if operation.permission == "staff.users.manage":
        caller = "administrator"
    answer = await guarded.call(
        operation,
        await guarded.sign_in(caller),
        path=path,
        query=RANGES.get(name),
        body=right_body(guarded, name),
    )
    await close(answer)
    return answer.status


@pytest.mark.parametrize("name", WITH_OBJECTS)
async def test_another_malls_things_are_not_found(guarded: Guarded, name: str) -> None:
    assert await knock(guarded, name, await things(guarded)) == 404


@pytest.mark.parametrize("name", WITH_OBJECTS)
@pytest.mark.parametrize("value", ["0", "-1", "abc", str(HUGE), "%2e%2e"])
async def test_what_cannot_be_an_id_names_nothing(guarded: Guarded, name: str, value: str) -> None:
    keys = [part[1:-1] for part in OPERATIONS[name].segments if part.startswith("{")]

    assert await knock(guarded, name, dict.fromkeys(keys, value)) == 404


async def test_nothing_was_done_to_the_neighbour(guarded: Guarded) -> None:
    path = await things(guarded)
    for name in WITH_OBJECTS:
        await knock(guarded, name, path)

    assert (await OffReason.get()).lifted_at is None
    assert (await SupplyOrder.get()).ended_at is None
    assert (await Entry.get()).cause == f"counter:{CARD.request_id}"
    assert (await Receipt.get()).print_count == 0
    assert (await TopUp.get(staff_id=9)).state is TopUpState.PREPARED
    assert await ReadRequest.all().count() == 1
    assert await Meter.filter(retired_at__isnull=False).count() == 0
    assert (await Staff.get(username="stranger")).password_hash == "x"
    assert (await RatioChange.get()).approved_at is None
    assert (await StaffTask.get(cause="x")).done_at is None
    assert (await Alarm.get()).version == 1
    assert (await TariffDraft.get()).state == "draft"
    assert (await guarded.foreign.account("Z001")).own_terms == "[]"
    assert await Contact.filter(removed_at__isnull=False).count() == 0
    assert await Binding.filter(revoked_at__isnull=False).count() == 0


async def test_lists_show_nothing_of_the_neighbour(guarded: Guarded) -> None:
    path = await things(guarded)
    headers = await guarded.sign_in("manager")
    serial_ids = {str(value).encode() for key, value in path.items() if key != "on"}
    for name in (
        "show_board",
        "list_tasks",
        "list_alarms",
        "list_alarm_history",
        "list_keep_supplies",
        "list_commands",
        "list_approvals",
        "list_receipts",
        "search",
        "list_shop_files",
        "list_tenant_files",
        "list_meter_files",
        "show_wiring_health",
    ):
        answer = await guarded.call(OPERATIONS[f"staff.{name}"], headers)
        assert answer.status == 200
        assert not [one for one in serial_ids if one in answer.body]


async def test_commands_of_a_foreign_meter_are_none(guarded: Guarded) -> None:
    path = await things(guarded)
    answer = await guarded.call(
        OPERATIONS["staff.list_commands"],
        await guarded.sign_in("manager"),
        query={"meter_id": str(path["meter_id"])},
    )

    assert answer.status == 200
    assert answer.body.startswith(b'{"commands":[],"next_before":null')


async def test_a_tenant_sees_the_own_shop_alone(guarded: Guarded) -> None:
    own = await guarded.mall.account("A001")
    other = await guarded.mall.account("A002")
    headers = await guarded.sign_in("tenant")

    home = await guarded.call(OPERATIONS["tenant.show_home"], headers)
    foreign = await guarded.call(
        OPERATIONS["tenant.show_usage"],
        headers,
        path={"account_id": other.id},
        query={"first_on": "2026-03-01", "last_on": "2026-03-02"},
    )

    assert str(own.id).encode() in home.body
    assert str(other.id).encode() not in home.body
    assert foreign.status == 404


async def test_a_tenant_who_was_unbound_sees_nothing_more(guarded: Guarded) -> None:
    headers = await guarded.sign_in("tenant")
    await Binding.all().update(standing_key=None, revoked_at=guarded.mall.clock.now())
    own = await guarded.mall.account("A001")

    home = await guarded.call(OPERATIONS["tenant.show_home"], headers)
    begun = await guarded.call(
        OPERATIONS["tenant.begin_top_up"],
        headers,
        path={"account_id": own.id},
        body={"amount_fen": 5_000, "request_id": "request-1"},
    )

    assert b'"accounts":[]' in home.body
    assert begun.status == 404
    assert await Account.all().count() == 4


async def test_a_collector_speaks_for_its_own_malls_meters_alone(guarded: Guarded) -> None:
    meter = await guarded.foreign.meter("Z001")
    now = guarded.mall.clock.now().isoformat()
    reading = {
        "meter_id": str(meter.id),
        "read_at": now,
        "kind": ReadingKind.POLL.value,
        "register_wh": 1_000,
    }
    outcome = {"meter_id": str(meter.id), "generation": 1, "stage": "verified", "at": now}
    batch = {"epoch": "e", "number": 1, "sent_at": now}
    headers = await guarded.sign_in("collector")

    readings = await guarded.call(
        OPERATIONS["collector.push_readings"], headers, body={**batch, "readings": [reading]}
    )
    outcomes = await guarded.call(
        OPERATIONS["collector.report_outcomes"], headers, body={**batch, "outcomes": [outcome]}
    )
    plan = await guarded.call(OPERATIONS["collector.fetch_plan"], headers)

    assert (readings.status, outcomes.status) == (403, 403)
    assert str(meter.id).encode() not in plan.body

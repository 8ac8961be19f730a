"""Every operation that must leave a record leaves one: the edge answers 500 here when it is missing."""

from datetime import timedelta
from typing import Any, Protocol
from uuid import uuid4

from msgspec import to_builtins

from backend.models.accounts import Contact, KeepSupply
from backend.models.audit import AuditRecord
from backend.models.exports import ExportJob
from backend.models.meters import Meter, MeterChange, RatioChange
from backend.models.openings import ContactCheck
from backend.models.operations import StaffTask
from backend.models.payments import TopUp
from backend.models.people import Approval, Binding, Staff
from backend.models.receipts import Receipt
from backend.models.site import Gateway, Line, Shaft, Shop
from backend.models.supply import SupplyOrder
from backend.models.tariffs import Tariff, TariffDraft
from backend.services.alarm_book import raise_alarm
from backend.services.audit import verify_audit
from backend.services.audit_words import UNNAMED, operation_words
from backend.services.policy_values import values_of
from backend.services.site_policy import policy_of
from backend.services.tasks import open_task
from backend.store import unit_of_work
from common.wire import Stage
from tests.permissions.conftest import OPERATIONS, Guarded
from tests.services.import_files import filled
from tests.services.openings import vacate, wizard
from tests.services.rules import TERMS, content


class Act(Protocol):
    async def __call__(self, name: str, person: str, path: dict[str, Any], body: Any = None) -> None: ...


async def do(guarded: Guarded, name: str, person: str, path: dict[str, Any], body: Any = None) -> int:
    """Let somebody of a role, "<role>" or "<role>:<name>", do something; return the status."""
    role, _, _ = person.partition(":")
    headers = await guarded.sign_in(role, person)
    return (await guarded.call(OPERATIONS[name], headers, path=path, body=body)).status


async def test_every_audited_operation_leaves_its_record(guarded: Guarded) -> None:
    mall = guarded.mall
    await mall.drain()
    meter, account = {"meter_id": (await mall.meter()).id}, {"account_id": (await mall.account()).id}
    await unit_of_work(
        lambda: open_task(
            mall.ctx, mall.site_id, "no_proof", cause="t", text="t", account_id=account["account_id"]
        )
    )
    task = {"task_id": (await StaffTask.get(cause="t")).id}
    until_at = (mall.clock.now() + timedelta(hours=2)).isoformat()
    raised = await unit_of_work(lambda: raise_alarm(mall.ctx, mall.site_id, "meter_clock", "1", "t"))
    alarm = {"alarm_id": raised.id}
    done: list[tuple[str, int]] = []

    async def act(name: str, person: str, path: dict[str, Any], body: Any = None) -> None:
        done.append((name, await do(guarded, name, person, path, body)))

    await act("staff.trip", "manager", meter, {"reason": "检修", "totp": guarded.totp()})
    await act("staff.restore", "electrician", meter, {"reason": "已排除"})
    await act("staff.emergency_trip", "electrician", meter, {"reason": "冒烟"})
    await act("staff.restore", "electrician", meter, {"reason": "误操作"})
    await act("staff.emergency_trip", "electrician", meter, {})
    await act("staff.explain_emergency", "manager", meter, {"reason": "冒烟"})
    mall.clock.advance(61)
    assert await do(guarded, "staff.restore", "electrician", meter, {"reason": "已排除"}) == 409
    await act("staff.refuse_lift", "manager", meter, {"reason": "尚未排除"})
    assert await do(guarded, "staff.restore", "electrician", meter, {"reason": "已排除"}) == 409
    await act("staff.restore", "manager", meter, {"reason": "已排除"})
    await act("staff.trip", "electrician", meter, {"reason": "检修", "totp": guarded.totp()})
    await act("staff.cancel_command", "electrician", await newest_order(), {"reason": "走错铺"})
    await mall.outcome(Stage.UNREACHABLE)
    await act("staff.retry_command", "electrician", await newest_order())
    await act("staff.ask_keep_supply", "cashier", account, {"until_at": until_at, "reason": "冷库有货"})
    kept = {"keep_supply_id": await newest_wish()}
    await act("staff.decide_keep_supply", "manager", kept, {"granted": True})
    await act("staff.release_keep_supply", "manager", kept)
    await act("staff.release_keep_supply", "manager", kept)
    await act("staff.finish_task", "cashier", task, {"note": "已电话通知"})
    await act("staff.finish_task", "cashier", task, {"note": "已电话通知"})
    veto = {"trip": False, "reason": "已承诺", "totp": guarded.totp()}
    await act("staff.decide_trip", "manager", account, veto)
    limits = {"power_limit_w": 3_000, "night_limit_w": None, "reason": "合同功率"}
    await act("staff.set_power_limit", "electrician", account, limits)
    await act("staff.issue_binding_code", "cashier", account)
    request = {"request_id": "0b5f2ea4-5a0e-4b8e-9d5c-2b1f6f7a8c9d"}
    told = {**request, "account_ids": [str(account["account_id"])]}
    await act("staff.send_reminders", "cashier", {}, told)
    mall.clock.advance(60)
    await mall.push(mall.reading(await mall.meter(), 9_000_000))
    jump = {"read_at": mall.clock.now().isoformat(), "accept": False, "reason": "通讯误码"}
    await act("staff.decide_register", "finance", meter, jump)
    await act("staff.decide_register", "finance", meter, jump)
    await act("staff.acknowledge_alarm", "electrician", alarm, {})
    await act("staff.acknowledge_alarm", "manager", alarm, {"note": "已知"})
    await act("staff.acknowledge_alarms", "manager", {}, {"alarm_ids": [str(raised.id)]})
    await act("staff.assign_alarm", "manager", alarm, {"staff_id": str(guarded.staff["electrician"])})
    await act("staff.snooze_alarm", "electrician", alarm, {"until_at": until_at, "reason": "等备件"})
    await act("staff.clear_alarm", "electrician", alarm, {"reason": "已校时"})
    await build(guarded, act)
    await sell(guarded, act)
    await open_one(guarded, act, done)
    await set_rules(guarded, act, account["account_id"])
    await tend_files(guarded, act)
    await care_for_staff(guarded, act)
    await act(
        "staff.ask_meter_change", "electrician", meter, {"serial": "N1", "register_wh": 0, "reason": "烧表"}
    )
    change = {"meter_change_id": (await MeterChange.get()).id}
    await act("staff.decide_meter_change", "manager", change, {"granted": True})
    report = {"kind": "sales-by-day", "request_id": str(uuid4())}
    await act("staff.ask_export", "finance", {}, report)
    export = {"export_id": (await ExportJob.get()).id}
    await act("staff.cancel_export", "finance", export, {})
    await act("staff.retry_export", "finance", export, {})
    await act("staff.sign_out", "cashier", {})

    assert [one for one in done if one[1] >= 300] == []
    assert {name for name, _ in done} == {name for name, one in OPERATIONS.items() if one.audited}
    assert await verify_audit(mall.site_id, mall.ctx.settings.ledger_key) == []
    written = {row.operation for row in await AuditRecord.filter(site_id=mall.site_id)}
    assert [one for one in sorted(written) if operation_words(one) == UNNAMED] == []


async def test_a_record_says_who_did_what_to_whom_from_where_and_why(guarded: Guarded) -> None:
    meter = await guarded.mall.meter()

    await do(guarded, "staff.emergency_trip", "electrician", {"meter_id": meter.id}, {"reason": "冒烟"})

    record = await AuditRecord.all().order_by("-sequence").first()
    assert record is not None
    who = f"staff:{guarded.staff['electrician']}"
    what = (record.operation, record.object)
    assert (record.actor, what) == (who, ("staff.trip.emergency", f"meter:{meter.id}"))
    assert (record.reason, record.client_ip, record.at) == ("冒烟", "10.0.0.9", guarded.mall.clock.now())


async def test_asking_to_lift_an_emergency_is_on_record_although_it_is_refused(guarded: Guarded) -> None:
    meter = {"meter_id": (await guarded.mall.meter()).id}
    await do(guarded, "staff.emergency_trip", "electrician", meter, {"reason": "冒烟"})
    guarded.mall.clock.advance(61)

    first = await do(guarded, "staff.restore", "electrician", meter, {"reason": "已排除"})
    second = await do(guarded, "staff.restore", "manager", meter, {"reason": "已排除"})

    assert (first, second) == (409, 204)
    assert await AuditRecord.filter(operation="staff.restore").count() == 2


async def test_a_trip_without_the_second_factor_is_refused_and_counted(guarded: Guarded) -> None:
    meter = {"meter_id": (await guarded.mall.meter()).id}

    status = await do(guarded, "staff.trip", "electrician", meter, {"reason": "检修", "totp": "000000"})

    assert status in {401, 403, 409}
    assert (await guarded.mall.supply()).generation == 0


async def open_one(guarded: Guarded, act: Act, done: list[tuple[str, int]]) -> None:
    """Prove a phone, open an account on a vacated meter, reissue a door code, practise, import."""
    mall = guarded.mall
    meter = await vacate(mall)
    await act("staff.send_contact_code", "cashier", {}, {"phone": "13900007777"})
    code = mall.gateway.ways["sms"].sent[-1].values["code"]
    check = {"contact_check_id": (await ContactCheck.get()).id}
    await act("staff.try_contact_code", "cashier", check, {"code": code})
    await act("staff.try_contact_code", "cashier", check, {"code": code})
    register = {"meter_id": str(meter.id), "register_wh": 7, "reason": "现场抄见"}
    opening = to_builtins(await wizard(mall, register))
    await act("staff.open_account", "cashier", {}, opening)
    await act("staff.open_account", "cashier", {}, opening)
    shop = {"shop_id": (await Shop.get(code="B101")).id}
    await act("staff.reissue_door_code", "cashier", shop, {"reason": "门铺码损坏"})
    await act("staff.make_practice_shop", "manager", {})
    book = filled(shops=[{"商铺编号": "C1", "商铺名称": "新铺"}])
    headers, query = await guarded.sign_in("administrator"), {"request_id": str(uuid4())}
    for _ in range(2):
        answer = await guarded.call(OPERATIONS["staff.run_import"], headers, query=query, body=book)
        done.append(("staff.run_import", answer.status))


async def care_for_staff(guarded: Guarded, act: Act) -> None:
    why, password = {"reason": "岗位变动"}, {"password": "correct horse battery"}
    new = {"username": "xiaoli", "name": "小李", "role_codes": ["cashier"], **password}
    await act("staff.add_staff", "administrator", {}, new)
    person = {"staff_id": (await Staff.get(username="xiaoli")).id}
    await act("staff.set_staff_roles", "administrator", person, {"role_codes": ["electrician"], **why})
    await act("staff.reset_password", "administrator", person, {**password, **why})
    await act("staff.end_sessions", "administrator", person, why)
    await act("staff.ask_totp_reset", "administrator", person, why)
    asked = {"approval_id": (await Approval.get(kind="totp_reset")).id}
    await act("staff.decide_totp_reset", "manager", asked, {"granted": True})
    await act("staff.disable_staff", "administrator", person, why)
    await act("staff.enable_staff", "administrator", person, why)
    role = {"code": "night", "name": "夜班", "permissions": ["staff.board"], **why}
    await act("staff.add_role", "administrator", {}, role)
    more = {"permissions": ["staff.board", "staff.meter.view"], **why}
    await act("staff.recut_role", "administrator", {"role_code": "night"}, more)


async def build(guarded: Guarded, act: Act) -> None:
    """Add, change and remove one of each, and change a ratio."""
    site_id, why = guarded.mall.site_id, {"reason": "改造"}
    await act("staff.add_shaft", "administrator", {}, {"code": "S9", "name": "新井"})
    shaft = await Shaft.get(site_id=site_id, code="S9")
    gateway_body = {"shaft_id": str(shaft.id), "code": "G9", "name": "新机", "host": "10.0.0.9"}
    await act("staff.add_gateway", "administrator", {}, gateway_body)
    gateway = await Gateway.get(site_id=site_id, code="G9")
    line_body = {"gateway_id": str(gateway.id), "code": "L9", "protocol": "modbus-tcp", "port": 502}
    await act("staff.add_line", "administrator", {}, line_body)
    line = await Line.get(site_id=site_id, code="L9")
    hanging = {"unit": 9, "profile": "acrel-ddsy1352", "rated_power_w": 1_000}
    meters = {"meters": [{**hanging, "serial": "N1", "kind": "public"}]}
    await act("staff.add_meters", "administrator", {"line_id": line.id}, meters)
    meter = await Meter.get(site_id=site_id, serial="N1")
    await act("staff.change_meter", "manager", {"meter_id": meter.id}, {**hanging, "line_id": str(line.id)})
    ratio = {"ct_ratio": 40, "rated_power_w": 100_000, "replaced": True, "reason": "更换互感器"}
    await act("staff.ask_ratio_change", "electrician", {"meter_id": meter.id}, ratio)
    change = {"ratio_change_id": (await RatioChange.get()).id}
    await act("staff.decide_ratio_change", "finance", change, {"granted": True})
    await act("staff.report_replaced", "electrician", change, {})
    await act("staff.retire_meters", "manager", {}, {"meter_ids": [str(meter.id)], **why})
    await act("staff.change_line", "manager", {"line_id": line.id}, {**line_body, "port": 503})
    await act("staff.change_gateway", "manager", {"gateway_id": gateway.id}, {**gateway_body, "name": "机"})
    await act("staff.change_shaft", "manager", {"shaft_id": shaft.id}, {"code": "S9", "name": "井"})
    await act("staff.remove_line", "manager", {"line_id": line.id}, why)
    await act("staff.remove_gateway", "manager", {"gateway_id": gateway.id}, why)
    await act("staff.remove_shaft", "manager", {"shaft_id": shaft.id}, why)


async def newest_order() -> dict[str, int]:
    row = await SupplyOrder.all().order_by("-id").first()
    assert row is not None
    return {"order_id": row.id}


async def sell(guarded: Guarded, act: Act) -> None:
    """Take cash and print it, undo it; show a code and close it."""
    account = {"account_id": (await guarded.mall.account()).id}
    cash = {"amount_fen": 5_000, "method": "cash", "received_fen": 5_000, "request_id": str(uuid4())}
    await act("staff.top_up_at_counter", "cashier", account, cash)
    await act("staff.top_up_at_counter", "cashier", account, cash)
    entry = {"entry_id": (await Receipt.get()).entry_id}
    await act("staff.print_receipt", "cashier", entry, {"request_id": str(uuid4())})
    await act("staff.ask_reversal", "cashier", entry, {"reason": "收错商铺"})
    asked = {"approval_id": (await Approval.get(kind="reversal")).id}
    await act("staff.decide_reversal", "finance", asked, {"granted": True})
    scan = {"amount_fen": 5_000, "request_id": str(uuid4())}
    await act("staff.order_native", "cashier", account, scan)
    await act("staff.order_native", "cashier", account, scan)
    await act("staff.cancel_native", "cashier", {"top_up_id": (await TopUp.get(scene="native")).id})


async def tend_files(guarded: Guarded, act: Act) -> None:
    """Remarks, a contact that comes, changes and goes, a phone that is unbound."""
    account = await guarded.mall.account()
    note = {"remark": "靠近电梯"}
    await act("staff.remark_shop", "cashier", {"shop_id": account.shop_id}, note)
    await act("staff.remark_meter", "electrician", {"meter_id": (await guarded.mall.meter()).id}, note)
    person = {"name": "李四", "phone": "139 1111 0000"}
    await act("staff.add_contact", "cashier", {"account_id": account.id}, person)
    contact = {"contact_id": (await Contact.get(phone="13911110000")).id}
    await act("staff.change_contact", "cashier", contact, {**person, "name": "李五"})
    await act("staff.remove_contact", "cashier", contact, {"reason": "已离职"})
    await act("staff.remove_contact", "cashier", contact, {"reason": "已离职"})
    await guarded.mall.as_tenant()
    binding = {"binding_id": (await Binding.get(account_id=account.id)).id}
    await act("staff.revoke_binding", "manager", binding, {"reason": "手机丢失"})
    await act("staff.revoke_binding", "manager", binding, {"reason": "手机丢失"})


async def newest_wish() -> int:
    row = await KeepSupply.all().order_by("-id").first()
    assert row is not None
    return int(row.id)


async def set_rules(guarded: Guarded, act: Act, account_id: int) -> None:
    """Bring a tariff version into force, another one nowhere; change the policy, a shop's terms, a day."""
    tariff = {"tariff_id": (await Tariff.get(site_id=guarded.mall.site_id)).id}
    ids, why = [], {"reason": "价格调整"}
    for _ in range(2):
        body = {"content": to_builtins(content("2026-05-01")), "request_id": str(uuid4())}
        await act("staff.draft_tariff", "finance", tariff, body)
        newest = await TariffDraft.filter(site_id=guarded.mall.site_id).order_by("-id").first()
        assert newest is not None
        ids.append({"draft_id": newest.id})
    first, second = ids
    await act("staff.change_tariff_draft", "finance", first, {"content": to_builtins(content("2026-06-01"))})
    await act("staff.submit_tariff_draft", "finance", first, why)
    await act("staff.withdraw_tariff_draft", "finance", first)
    await act("staff.submit_tariff_draft", "finance", first, why)
    await act("staff.decide_tariff_draft", "manager", first, {"granted": True})
    await act("staff.drop_tariff_draft", "finance", second)
    values = to_builtins(values_of(await policy_of(guarded.mall.site_id)))
    policy = {"values": values, "based_on": 0, "totp": guarded.totp(), "request_id": str(uuid4()), **why}
    await act("staff.change_policy", "manager", {}, policy)
    terms = {"terms": TERMS, "totp": guarded.totp(), **why}
    await act("staff.change_terms", "manager", {"account_id": account_id}, terms)
    days = {"first_on": "2027-01-01", "last_on": "2027-01-03", **why}
    new = {"name": "元旦", "off": True, "request_id": str(uuid4())}
    await act("staff.set_calendar_days", "manager", {}, {**days, **new})
    year = {"year": 2027, "entered": True, "request_id": str(uuid4()), **why}
    await act("staff.enter_calendar_year", "manager", {}, year)
    await act("staff.remove_calendar_days", "manager", {}, {**days, "request_id": str(uuid4())})
    limits = {"account_ids": [str(account_id)], "power_limit_w": 2_000, "night_limit_w": None, **why}
    await act("staff.set_power_limits", "electrician", {}, limits)

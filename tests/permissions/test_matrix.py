"""Every operation and everybody: who gets in, and that nobody else gets as far as the body."""

from dataclasses import replace

import pytest

from backend.context import CallerKind
from backend.models.people import Role
from backend.permission_matrix import permission_matrix
from backend.routing import Listener, Operation
from backend.services.permissions import SEEDED_ROLES
from tests.permissions.conftest import CALLERS, GUARDED, OPERATIONS, ROLES, UNREADABLE, Guarded, close

EVERYBODY = frozenset(ROLES)
BUILDS = {"administrator", "manager"}
OPENS = {"cashier", "manager"}
TILL = frozenset({"cashier"})
KNOWS_SITE = {"administrator", "electrician", "finance", "manager"}
SEES_PRICES, DRAFTS = {"cashier", "finance", "manager"}, {"finance", "manager"}
MANAGER = {"manager"}
ACTS, WIRED = ("add", "change", "remove"), ("shaft", "gateway", "line")
SHOP_LISTS = ("entries", "commands", "messages", "alarms")
MANAGING = (
    "staff.add_staff",
    "staff.set_staff_roles",
    "staff.disable_staff",
    "staff.enable_staff",
    "staff.end_sessions",
    "staff.reset_password",
    "staff.ask_totp_reset",
    "staff.add_role",
    "staff.recut_role",
)
# Said once more, by hand: a role or an operation that changes has to be changed here too.
STAFF = {
    "demo.show_totp": EVERYBODY,
    "staff.acknowledge_alarm": {"electrician", "manager"},
    "staff.ask_keep_supply": {"cashier", "electrician", "manager"},
    "staff.assign_alarm": {"electrician", "manager"},
    "staff.cancel_command": {"electrician", "manager"},
    "staff.clear_alarm": {"electrician", "manager"},
    "staff.decide_keep_supply": {"manager"},
    "staff.ask_meter_change": {"electrician", "manager"},
    "staff.decide_meter_change": {"manager"},
    "staff.list_meter_changes": EVERYBODY,
    "staff.decide_register": {"finance", "manager"},
    "staff.decide_trip": {"manager"},
    "staff.emergency_trip": {"electrician", "manager"},
    "staff.explain_emergency": {"electrician", "manager"},
    "staff.finish_task": {"cashier", "electrician", "manager"},
    "staff.issue_binding_code": {"cashier", "manager"},
    "staff.list_alarm_history": EVERYBODY,
    "staff.list_alarms": EVERYBODY,
    "staff.list_commands": EVERYBODY,
    "staff.list_doubts": EVERYBODY,
    "staff.list_keep_supplies": EVERYBODY,
    "staff.list_tasks": EVERYBODY,
    "staff.list_power_watches": EVERYBODY,
    "staff.refuse_lift": {"electrician", "manager"},
    "staff.acknowledge_alarms": {"electrician", "manager"},
    "staff.add_contact": {"cashier", "manager"},
    "staff.change_contact": {"cashier", "manager"},
    "staff.export_meter_files": EVERYBODY,
    "staff.export_shop_files": EVERYBODY,
    "staff.export_tenant_files": {"cashier", "finance", "manager"},
    "staff.list_colleagues": {"electrician", "manager"},
    "staff.list_meter_files": EVERYBODY,
    "staff.list_shop_files": EVERYBODY,
    "staff.list_tenant_files": {"cashier", "finance", "manager"},
    "staff.read_line": EVERYBODY - {"finance"},
    "staff.read_now": EVERYBODY - {"finance"},
    "staff.remark_meter": EVERYBODY - {"finance"},
    "staff.remark_shop": EVERYBODY - {"finance"},
    "staff.remove_contact": {"cashier", "manager"},
    "staff.revoke_binding": {"cashier", "manager"},
    "staff.show_line_reads": EVERYBODY - {"finance"},
    "staff.show_meter_file": EVERYBODY,
    "staff.show_wiring_health": KNOWS_SITE,
    "staff.weigh_register": {"finance", "manager"},
    "staff.release_keep_supply": {"manager"},
    "staff.restore": {"electrician", "manager"},
    "staff.search": EVERYBODY,
    "staff.retry_command": {"electrician", "manager"},
    "staff.list_approvals": EVERYBODY,
    **dict.fromkeys((f"staff.list_account_{what}" for what in SHOP_LISTS), EVERYBODY),
    **dict.fromkeys((f"staff.show_account{what}" for what in ("", "_entry", "_usage", "_day")), EVERYBODY),
    "staff.show_statement": EVERYBODY,
    "staff.show_home": EVERYBODY,
    "staff.show_first_steps": EVERYBODY,
    "staff.preview_reminders": {"cashier", "manager"},
    "staff.send_reminders": {"cashier", "manager"},
    "staff.show_alarm": EVERYBODY,
    "staff.set_power_limit": {"electrician", "manager"},
    "staff.show_board": EVERYBODY,
    "staff.list_audit": EVERYBODY,  # Of it, what each may see: tests/people/test_show_audit.py.
    "staff.export_audit": {"administrator", "finance", "manager"},
    "staff.check_audit": {"administrator", "finance", "manager"},
    "staff.list_staff": {"administrator", "manager"},
    "staff.list_roles": {"administrator", "manager"},
    **dict.fromkeys(MANAGING, frozenset({"administrator"})),
    "staff.decide_totp_reset": {"administrator", "manager"},
    "staff.show_me": EVERYBODY,
    "staff.show_meter": EVERYBODY,
    "staff.show_read": EVERYBODY - {"finance"},
    "staff.sign_out": EVERYBODY,
    "staff.snooze_alarm": {"electrician", "manager"},
    "staff.stream_board": EVERYBODY,
    "staff.trip": {"electrician", "manager"},
    # Each report asks for its own right besides: tests/permissions/test_reports.py.
    "staff.show_report": {"cashier", "electrician", "finance", "manager"},
    "staff.show_report_choices": {"cashier", "electrician", "finance", "manager"},
    "staff.ask_export": {"finance", "manager"},
    "staff.cancel_export": {"finance", "manager"},
    "staff.retry_export": {"finance", "manager"},
    "staff.list_exports": {"finance", "manager"},
    "staff.show_export_file": {"finance", "manager"},
    "staff.show_site": KNOWS_SITE,
    "staff.list_profiles": KNOWS_SITE,
    "staff.list_ratio_changes": KNOWS_SITE,
    **dict.fromkeys((f"staff.{act}_{what}" for act in ACTS for what in WIRED), BUILDS),
    **dict.fromkeys(("staff.add_meters", "staff.change_meter", "staff.retire_meters"), BUILDS),
    "staff.ask_ratio_change": {"electrician", "manager"},
    "staff.report_replaced": {"electrician", "manager"},
    "staff.decide_ratio_change": {"finance", "manager"},
    **dict.fromkeys(
        (
            "staff.open_account",
            "staff.show_opening",
            "staff.show_opening_choices",
            "staff.show_opening_draft",
            "staff.save_opening_draft",
            "staff.drop_opening_draft",
            "staff.send_contact_code",
            "staff.try_contact_code",
            "staff.reissue_door_code",
        ),
        OPENS,
    ),
    **dict.fromkeys(("staff.show_import_template", "staff.check_import", "staff.run_import"), BUILDS),
    "staff.show_practice_shop": EVERYBODY,
    "staff.make_practice_shop": {"manager"},
    **dict.fromkeys(("staff.top_up_at_counter", "staff.order_native", "staff.cancel_native"), TILL),
    **dict.fromkeys(("staff.show_counter_account", "staff.follow_top_up"), TILL),
    **dict.fromkeys(("staff.show_receipt", "staff.list_receipts", "staff.print_receipt"), EVERYBODY),
    "staff.ask_reversal": {"cashier", "finance", "manager"},
    "staff.decide_reversal": {"finance", "manager"},
    **dict.fromkeys(("staff.list_tariffs", "staff.show_tariff", "staff.try_tariff_draft"), SEES_PRICES),
    **dict.fromkeys(
        (f"staff.{act}_tariff_draft" for act in ("change", "drop", "submit", "withdraw")), DRAFTS
    ),
    "staff.draft_tariff": DRAFTS,
    "staff.decide_tariff_draft": {"manager"},
    **dict.fromkeys(("staff.show_policy", "staff.preview_policy", "staff.show_calendar"), EVERYBODY),
    **dict.fromkeys(("staff.change_policy", "staff.change_terms"), MANAGER),
    **dict.fromkeys(("staff.set_calendar_days", "staff.remove_calendar_days"), MANAGER),
    "staff.enter_calendar_year": {"manager"},
    "staff.list_power_limits": EVERYBODY,
    "staff.set_power_limits": {"electrician", "manager"},
}
PUBLIC = {
    "callbacks.sms_receipts",
    "callbacks.wechat_echo",
    "callbacks.wechat_events",
    "callbacks.wechat_payment",
    "operations.show_live",
    "operations.show_metrics",
    "operations.show_openapi",
    "operations.show_ready",
    "staff.demo_sign_in",
    "staff.make_captcha",
    "staff.show_sign_in",
    "staff.sign_in",
    "tenant.sign_in",
}
MONEY_AND_RELAYS = {
    "staff.top_up_at_counter",
    "staff.order_native",
    "staff.cancel_native",
    "staff.ask_reversal",
    "staff.decide_reversal",
    "staff.trip",
    "staff.restore",
    "staff.emergency_trip",
    "staff.cancel_command",
    "staff.retry_command",
    "staff.refuse_lift",
    "staff.decide_trip",
    "staff.set_power_limit",
    "staff.ask_ratio_change",
    "staff.decide_ratio_change",
    "staff.report_replaced",
    "staff.decide_register",
    "staff.open_account",
    "staff.make_practice_shop",
    "staff.set_power_limits",
    "staff.draft_tariff",
    "staff.decide_tariff_draft",
    "staff.change_policy",
    "staff.change_terms",
}
# A reading is asked for, not done; a draft is a note to oneself; a check of a file writes nothing.
WITHOUT_RECORD = {
    "staff.read_line",
    "staff.read_now",
    "staff.save_opening_draft",
    "staff.drop_opening_draft",
    "staff.check_import",
}


def allowed(operation: Operation) -> frozenset[str]:
    match operation.kind:
        case CallerKind.STAFF:
            return frozenset(STAFF[operation.name])
        case kind:
            return frozenset({kind.value})


def test_the_matrix_is_printed_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    roles = {role.name: frozenset(role.permissions) for role in SEEDED_ROLES}

    table = permission_matrix(roles)

    with capsys.disabled():
        print(f"\n{table}")
    assert all(f"| {name} |" in table for name in OPERATIONS)


def test_every_staff_operation_stands_in_the_table() -> None:
    staff = {name for name, one in OPERATIONS.items() if one.kind is CallerKind.STAFF}

    assert staff == STAFF.keys()


def test_what_everybody_may_call_is_named_one_by_one() -> None:
    public = {name for name, one in OPERATIONS.items() if one.kind is CallerKind.PUBLIC}

    assert {name for name in public if not name.startswith("demo.")} == PUBLIC


def test_the_administrator_touches_neither_money_nor_relays() -> None:
    assert not [name for name in MONEY_AND_RELAYS if "administrator" in STAFF[name]]


def test_all_that_staff_may_write_leaves_a_record_but_few() -> None:
    written = {name for name in STAFF if OPERATIONS[name].method != "GET"}

    assert {name for name in written if not OPERATIONS[name].audited} == WITHOUT_RECORD


@pytest.mark.parametrize("name", GUARDED)
async def test_only_the_right_callers_get_in(guarded: Guarded, name: str) -> None:
    """With a body that nobody can read: 400 means that it was looked at, 401 and 403 that it was not."""
    operation = OPERATIONS[name]
    statuses = {}
    for caller in CALLERS:
        answer = await guarded.call(operation, await guarded.sign_in(caller), body=UNREADABLE)
        await close(answer)
        statuses[caller] = answer.status

    got_in = {caller for caller, status in statuses.items() if status not in {401, 403}}
    assert got_in == allowed(operation)
    assert not [status for status in statuses.values() if status >= 500]
    same_kind = set(ROLES) if operation.kind is CallerKind.STAFF else set()
    wanted = {caller: 403 if caller in same_kind else 401 for caller in CALLERS if caller not in got_in}
    assert {caller: statuses[caller] for caller in wanted} == wanted
    if operation.body_type is not None:
        assert {statuses[caller] for caller in got_in} == {400}


@pytest.mark.parametrize("name", [one for one in GUARDED if OPERATIONS[one].listener is Listener.PRIVATE])
async def test_the_mall_behind_the_wall_is_not_seen_from_outside(guarded: Guarded, name: str) -> None:
    operation = OPERATIONS[name]
    caller = sorted(allowed(operation))[0]

    outside = replace(operation, listener=Listener.PUBLIC)
    answer = await guarded.call(outside, await guarded.sign_in(caller))

    assert answer.status == 404


async def test_a_write_without_the_pages_token_is_refused(guarded: Guarded) -> None:
    for name in STAFF:
        if OPERATIONS[name].method == "GET":
            continue
        headers = {"cookie": (await guarded.sign_in("manager"))["cookie"]}
        answer = await guarded.call(OPERATIONS[name], headers, body=UNREADABLE)
        assert (name, answer.status) == (name, 403)


async def test_a_role_that_is_cut_holds_with_the_next_call(guarded: Guarded) -> None:
    headers = await guarded.sign_in("manager")
    assert (await guarded.call(OPERATIONS["staff.show_board"], headers)).status == 200

    await Role.filter(code="manager").update(permissions='["staff.meter.view"]')

    assert (await guarded.call(OPERATIONS["staff.show_board"], headers)).status == 403

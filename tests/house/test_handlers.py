"""Every handler says who may call it, in words that a role can be given."""

import pytest

from backend.context import CallerKind
from backend.routing import Operation, load_handlers
from backend.services.permissions import STAFF_PERMISSIONS, TENANT_PERMISSIONS
from tests.house.source import module_of, python_files

# Nobody has signed in here; each with what protects it instead.
OPEN_TO_ALL = {
    "callbacks.sms_receipts": "the token in its path",
    "callbacks.wechat_echo": "WeChat's signature",
    "callbacks.wechat_events": "WeChat's signature",
    "callbacks.wechat_payment": "WeChat Pay's signature",
    "operations.show_live": "tells nothing",
    "operations.show_metrics": "the private listener; no shop, person or money in it",
    "operations.show_openapi": "the private listener",
    "operations.show_ready": "tells nothing",
    "staff.demo_sign_in": "the demo setting, on loopback alone",
    "staff.make_captcha": "asked before anybody is known; limited by address",
    "staff.show_sign_in": "tells an address about itself",
    "staff.sign_in": "password, one-time password and lockout",
    "tenant.sign_in": "WeChat's login code",
}
# Where one file holds two operations, the two are one idea.
SHARED_FILES = {
    "backend.handlers.callbacks.wechat_events": "WeChat verifies and uses the same address",
    "backend.handlers.staff.sign_in": "the demo's one-tap sign-in stands beside the real one",
}
OPERATIONS = load_handlers()


def is_demo_page(operation: Operation) -> bool:
    return operation.handler.__module__.startswith("backend.handlers.demo.")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_handler_asks_for_a_permission_that_can_be_given(operation: Operation) -> None:
    known = {"tenant", "staff", "collector", *TENANT_PERMISSIONS, *STAFF_PERMISSIONS}

    assert operation.kind is CallerKind.PUBLIC or operation.permission in known


def test_what_is_open_to_all_is_on_the_list() -> None:
    is_open = {one.name for one in OPERATIONS if one.kind is CallerKind.PUBLIC and not is_demo_page(one)}

    assert is_open == set(OPEN_TO_ALL)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_handler_has_a_sentence_for_the_documents(operation: Operation) -> None:
    assert operation.summary.endswith((".", "?", ")")) and operation.summary != operation.name


def test_one_file_is_one_operation() -> None:
    by_file: dict[str, int] = {}
    for operation in OPERATIONS:
        by_file[operation.handler.__module__] = by_file.get(operation.handler.__module__, 0) + 1
    several = {
        name for name, count in by_file.items() if count > 1 and not name.startswith("backend.handlers.demo.")
    }

    assert several <= set(SHARED_FILES)


def test_every_file_among_the_handlers_declares_an_operation() -> None:
    declaring = {operation.handler.__module__ for operation in OPERATIONS}
    files = {
        module_of(path)
        for path in python_files("backend")
        if path.parts[1] == "handlers" and path.name != "__init__.py" and "demo" not in path.parts
    }

    assert files - declaring == set()

"""Declarations that must not pass the import, and what a right one says."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from backend.context import Context
from backend.edge import Edge
from backend.exchange import Request
from backend.matching import Matcher
from backend.permission_matrix import permission_matrix
from backend.replies import event_text
from backend.routing import Listener, Operation, Raw, Registry, Reply, load_handlers, no_content, ok
from tests.edge import sample
from tests.edge.conftest import context_of


class Body(Struct, frozen=True):
    amount_fen: int


async def plain(ctx: Context) -> Reply[None]:
    return no_content()


async def with_body(ctx: Context, body: Body) -> Reply[None]:
    return no_content()


async def with_optional_body(ctx: Context, body: Body | None) -> Reply[bool]:
    return ok(body is not None)


async def with_id(ctx: Context, meter_id: str) -> Reply[str]:
    return ok(meter_id)


async def without_types(ctx: Context, meter_id) -> Reply[None]:  # type: ignore[no-untyped-def]
    return no_content()


async def without_reply(ctx: Context) -> dict[str, str]:
    return {}


async def without_context() -> Reply[None]:
    return no_content()


def not_async(ctx: Context) -> Reply[None]:
    return no_content()


@pytest.mark.parametrize(
    ("handler", "path", "options", "complaint"),
    [
        (plain, "/a", {"permission": ""}, "not a permission"),
        (plain, "/a", {"permission": "anybody"}, "not a permission"),
        (plain, "/a", {"permission": "public.read"}, "not a permission"),
        (plain, "/a", {"permission": "staff.trip", "listener": "public"}, "private listener alone"),
        (plain, "/a", {"permission": "collector", "listener": "both"}, "private listener alone"),
        (plain, "/a/", {"permission": "public"}, "not a path"),
        (plain, "a", {"permission": "public"}, "not a path"),
        (plain, "/a-{id}", {"permission": "public"}, "whole segment"),
        (with_id, "/{meter_id}/{meter_id}", {"permission": "public"}, "named once"),
        (plain, "/a/{meter_id}", {"permission": "public"}, "missing path parameters"),
        (without_types, "/a/{meter_id}", {"permission": "public"}, "parameters without a type"),
        (without_reply, "/a", {"permission": "public"}, "say what it returns"),
        (without_context, "/a", {"permission": "public"}, "ctx: Context"),
        (not_async, "/a", {"permission": "public"}, "not an async function"),
        (with_body, "/a", {"permission": "public", "idempotent": "request_id"}, "has no field 'request_id'"),
    ],
)
def test_a_wrong_declaration_is_refused_at_import(
    handler: Callable[..., Any], path: str, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(TypeError, match=complaint):
        Registry().declare("POST", path, **options)(handler)


def test_a_handler_without_a_permission_is_refused_at_import() -> None:
    with pytest.raises((TypeError, KeyError), match="permission"):
        Registry().get("/a")(plain)  # type: ignore[call-arg]


def test_a_get_has_no_body() -> None:
    with pytest.raises(TypeError, match="GET has no body"):
        Registry().get("/a", permission="public")(with_body)


@pytest.mark.parametrize("other", ["/a/{meter_id}", "/a/{other_id}"])
def test_one_method_and_path_has_one_handler(other: str) -> None:
    registry = Registry()
    registry.get("/a/{meter_id}", permission="public")(with_id)

    async def with_other_id(ctx: Context, other_id: str = "", meter_id: str = "") -> Reply[str]:
        return ok(other_id)

    with pytest.raises(TypeError, match="declared twice"):
        registry.get(other, permission="public")(with_other_id)


def operation_of(permission: str, path: str = "/a", **options: Any) -> Operation:
    registry = Registry()
    registry.post(path, permission=permission, **options)(plain)
    return registry.operations()[0]


@pytest.mark.parametrize(
    ("permission", "path", "listener"),
    [
        ("public", "/api/v1/callbacks/wechat-pay", Listener.PUBLIC),
        ("tenant.view", "/api/v1/tenant/home", Listener.PUBLIC),
        ("staff.trip", "/anywhere", Listener.PRIVATE),
        ("collector", "/anywhere", Listener.PRIVATE),
        ("public", "/api/v1/staff/sign-in", Listener.PRIVATE),
    ],
)
def test_an_operation_finds_its_listener(permission: str, path: str, listener: Listener) -> None:
    assert operation_of(permission, path).listener is listener


def test_what_staff_write_is_audited_unless_said_otherwise() -> None:
    assert operation_of("staff.trip").audited
    assert not operation_of("staff.trip", audit=False).audited
    assert not operation_of("tenant.top_up").audited
    assert operation_of("tenant.top_up", audit=True).audited


def test_an_operation_is_named_after_its_module() -> None:
    names = [one.name for one in health()]

    assert names == ["operations.show_live", "operations.show_ready"]


def health() -> list[Operation]:
    import backend.handlers.operations.show_live
    import backend.handlers.operations.show_ready  # noqa: F401
    from backend.routing import registry

    return [one for one in registry() if one.path.startswith("/health/")]


def test_a_literal_segment_goes_before_a_parameter() -> None:
    registry = Registry()
    registry.get("/meters/{meter_id}", permission="public", name="one")(with_id)
    registry.get("/meters/silent", permission="public", name="silent")(plain)
    registry.get("/meters/silent/{meter_id}", permission="public", name="deep")(with_id)
    matcher = Matcher(registry.operations())

    found = [
        matcher.match("GET", path).operation.name
        for path in ("/meters/7", "/meters/silent", "/meters/silent/7")
    ]

    assert found == ["one", "silent", "deep"]


async def test_an_optional_body_may_be_left_out() -> None:
    registry = Registry()
    registry.post("/a", permission="public")(with_optional_body)
    edge = Edge(context_of(), sample.authenticate, operations=registry.operations())

    bodies = [(await edge.call(Request("POST", "/a", body=body))).body for body in (b"", b'{"amount_fen":1}')]

    assert bodies == [b"false", b"true"]


async def test_a_missing_audit_record_is_a_fault_where_it_is_checked() -> None:
    registry = Registry()
    registry.post("/a", permission="public", audit=True)(plain)

    async def never_there(ctx: Context, operation: Operation) -> bool:
        return False

    edge = Edge(context_of(), sample.authenticate, operations=registry.operations(), audit_check=never_there)

    assert (await edge.call(Request("POST", "/a"))).status == 500


def test_an_event_name_cannot_smuggle_another_event() -> None:
    with pytest.raises(ValueError, match="line break"):
        event_text({}, event="board\ndata: forged")


def test_an_event_keeps_line_breaks_inside_its_data() -> None:
    assert event_text({"a": "1\n2"}) == 'data: {"a":"1\\n2"}\n\n'


def test_the_matrix_shows_what_each_role_may_do() -> None:
    roles = {"电工": frozenset({"staff.trip"}), "系统管理员": frozenset({"staff.users.manage"})}

    table = permission_matrix(roles, sample.sample_registry.operations())

    row = next(line for line in table.splitlines() if "trips" in line)
    assert (
        row
        == "| edge.sample.trip | POST | `/api/v1/staff/meters/{meter_id}/trips` | staff.trip | 是 | ● | · |"
    )


def test_all_handlers_of_the_product_can_be_loaded() -> None:
    names = [one.name for one in load_handlers()]

    assert {"operations.show_live", "operations.show_openapi"} <= set(names)
    assert len(names) == len(set(names))


async def raw_bytes(ctx: Context) -> Raw:
    return Raw(b"%PDF", "application/pdf", headers=(("Content-Disposition", "attachment"),))


async def test_a_file_keeps_its_own_headers() -> None:
    registry = Registry()
    registry.get("/a", permission="public")(raw_bytes)
    edge = Edge(context_of(), sample.authenticate, operations=registry.operations())

    answer = await edge.call(Request("GET", "/a"))

    assert (answer.header("content-type"), answer.header("content-disposition")) == (
        "application/pdf",
        "attachment",
    )

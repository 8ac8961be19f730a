"""What every client can rely on, the same through every door."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from backend.routing import Listener
from tests.edge.conftest import Door

pytestmark = pytest.mark.asyncio(loop_scope="module")  # One server on one loop for the whole page.

TOP_UPS = "/api/v1/tenant/accounts/77/top-ups"


def top_up(**changes: object) -> dict[str, object]:
    return {"amount_fen": 5_000, "request_id": str(uuid4()), **changes}


async def test_an_operation_answers_its_struct_with_ids_as_text(door: Door) -> None:
    reaction = await door("GET", "/api/v1/tenant/accounts/900719925474099312", as_="tenant")

    assert reaction.json() == {"account_id": "900719925474099312", "settled_fen": -1, "note": None}


async def test_a_created_thing_is_answered_with_201_and_its_place(door: Door) -> None:
    sent = top_up()

    reaction = await door("POST", TOP_UPS, as_="tenant", json_body=sent)

    assert (reaction.status, reaction.header("location")) == (201, f"/top-ups/{sent['request_id']}")


async def test_the_handler_knows_who_calls_and_from_where(door: Door) -> None:
    reaction = await door("POST", TOP_UPS, as_="tenant", json_body=top_up())

    assert (reaction.json()["actor"], reaction.json()["client_ip"]) == ("tenant:7", "127.0.0.1")


async def test_a_field_of_the_body_never_replaces_a_path_parameter(door: Door) -> None:
    reaction = await door("POST", TOP_UPS, as_="tenant", json_body=top_up(account_id="88"))

    assert (reaction.json()["account_id"], reaction.json()["account_id_of_body"]) == ("77", "88")


async def test_a_query_never_replaces_a_path_parameter_or_the_body(door: Door) -> None:
    for name in ("account_id", "amount_fen", "ctx", "body"):
        reaction = await door("POST", TOP_UPS, as_="tenant", query={name: "1"}, json_body=top_up())

        assert (reaction.status, reaction.json()["fields"]) == (422, {name: "没有这一项"})


async def test_a_query_is_read_by_type(door: Door) -> None:
    query = {"limit": 5, "order": "oldest", "floor": ["1层", "B1&2"], "only_arrears": "true"}

    reaction = await door("GET", "/api/v1/tenant/accounts", as_="guest", query=query)

    assert reaction.json() == {"limit": 5, "order": "oldest", "floors": ["1层", "B1&2"], "only_arrears": True}


async def test_a_left_out_query_takes_its_defaults(door: Door) -> None:
    reaction = await door("GET", "/api/v1/tenant/accounts", as_="guest")

    assert reaction.json() == {"limit": 20, "order": "newest", "floors": [], "only_arrears": False}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"limit": "many"}, {"limit": "应为整数"}),
        ({"limit": "0"}, {"limit": "不能小于 1"}),
        ({"limit": "101"}, {"limit": "不能大于 100"}),
        ({"limit": ["1", "2"]}, {"limit": "只能填写一次"}),
        ({"order": "random"}, {"order": "不在可选范围内"}),
        ({"page": "1"}, {"page": "没有这一项"}),
    ],
)
async def test_a_wrong_query_is_explained_by_field(
    door: Door, query: dict[str, str | Sequence[str]], fields: dict[str, str]
) -> None:
    reaction = await door("GET", "/api/v1/tenant/accounts", as_="guest", query=query)

    assert (reaction.status, reaction.json()["fields"]) == (422, fields)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"amount_fen": 0}, {"amount_fen": "不能小于 0.01 元"}),
        ({"amount_fen": 2_000_001}, {"amount_fen": "不能大于 20,000.00 元"}),
        ({"amount_fen": "12"}, {"amount_fen": "应为整数"}),
        ({"amount_fen": 1.5}, {"amount_fen": "应为整数"}),
        ({"request_id": "not one"}, {"request_id": "编号格式不正确"}),
        ({"amount": 1}, {"amount": "没有这一项"}),
    ],
)
async def test_a_wrong_body_is_explained_by_field(
    door: Door, changes: dict[str, object], fields: dict[str, str]
) -> None:
    reaction = await door("POST", TOP_UPS, as_="tenant", json_body=top_up(**changes))

    assert (reaction.status, reaction.json()["code"], reaction.json()["fields"]) == (422, "invalid", fields)


async def test_a_missing_field_is_named(door: Door) -> None:
    reaction = await door("POST", TOP_UPS, as_="tenant", json_body={"amount_fen": 1})

    assert reaction.json()["fields"] == {"request_id": "必填"}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"null", 422), (b"[" * 100_000, 422), (b"1e999", 422)],
)
async def test_a_body_that_is_no_json_object_is_refused(door: Door, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}

    reaction = await door("POST", TOP_UPS, as_="tenant", body=body, headers=headers)

    assert reaction.status == status


async def test_a_form_is_not_taken_for_json(door: Door) -> None:
    headers = {"content-type": "text/plain"}

    reaction = await door("POST", TOP_UPS, as_="tenant", body=b"{}", headers=headers)

    assert (reaction.status, reaction.json()["code"]) == (415, "not_json")


async def test_a_refusal_speaks_yuan(door: Door) -> None:
    reaction = await door("POST", "/api/v1/tenant/refunds", as_="tenant")

    assert (reaction.status, reaction.json()["message"]) == (409, "余额不足：可退 12.34 元")


async def test_a_fault_tells_a_number_and_nothing_else(door: Door) -> None:
    reaction = await door("GET", "/api/v1/public/broken", headers={"x-request-id": "find-me-by-this"})

    assert reaction.status == 500
    assert reaction.json() == {
        "code": "internal_error",
        "message": "系统内部错误，已记录。请把请求编号告诉管理员",
        "request_id": "find-me-by-this",
    }


@pytest.mark.parametrize(
    ("method", "path", "as_", "listener", "status"),
    [
        ("POST", TOP_UPS, "", Listener.PUBLIC, 401),
        ("POST", TOP_UPS, "nobody-known", Listener.PUBLIC, 401),
        ("POST", TOP_UPS, "guest", Listener.PUBLIC, 403),
        ("POST", TOP_UPS, "electrician", Listener.PUBLIC, 403),
        ("POST", TOP_UPS, "collector", Listener.PUBLIC, 403),
        ("POST", "/api/v1/staff/meters/1/trips", "", Listener.PRIVATE, 401),
        ("POST", "/api/v1/staff/meters/1/trips", "tenant", Listener.PRIVATE, 403),
        ("POST", "/api/v1/staff/meters/1/trips", "electrician", Listener.PRIVATE, 204),
        ("PUT", "/api/v1/collector/readings", "electrician", Listener.PRIVATE, 403),
    ],
)
async def test_a_permission_is_asked_before_the_body_is_read(
    door: Door, method: str, path: str, as_: str, listener: Listener, status: int
) -> None:
    reaction = await door(method, path, as_=as_, body=b"no json at all", listener=listener)

    assert reaction.status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/staff/meters/1/trips"),
        ("POST", "/api/v1/staff/sign-in"),
        ("PUT", "/api/v1/collector/readings"),
    ],
)
async def test_the_public_listener_does_not_know_the_private_operations(
    door: Door, method: str, path: str
) -> None:
    reaction = await door(method, path, as_="electrician", listener=Listener.PUBLIC)

    assert (reaction.status, reaction.json()["code"]) == (404, "not_found")


async def test_the_private_listener_does_not_serve_tenants(door: Door) -> None:
    reaction = await door("GET", "/api/v1/tenant/accounts", as_="tenant", listener=Listener.PRIVATE)

    assert reaction.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing/here",
        "/api/v1/tenant/accounts/",
        "/api/v1/tenant/accounts/1/",
        "/api/v1/tenant/accounts/1/2",
        "/api/v1/tenant/accounts/not-a-number",
        "/api/v1/tenant/accounts/%ff",
        "//api/v1/tenant/accounts",
    ],
)
async def test_an_unknown_path_is_not_found(door: Door, path: str) -> None:
    reaction = await door("GET", path, as_="tenant")

    assert (reaction.status, reaction.json()["code"]) == (404, "not_found")


async def test_a_path_parameter_is_decoded_once(door: Door) -> None:
    path = "/api/v1/tenant/accounts/%E6%88%B7%2F%2541/top-ups"

    reaction = await door("POST", path, as_="tenant", json_body=top_up())

    assert reaction.json()["account_id"] == "户/%41"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "OPTIONS", "DELETE"])
async def test_a_wrong_method_names_the_right_ones(door: Door, method: str) -> None:
    reaction = await door(method, TOP_UPS, as_="tenant")

    assert (reaction.status, reaction.header("allow")) == (405, "POST")


async def test_head_is_get_without_the_body(door: Door) -> None:
    whole = await door("GET", "/api/v1/tenant/accounts/7", as_="tenant")

    reaction = await door("HEAD", "/api/v1/tenant/accounts/7", as_="tenant")

    assert (reaction.status, reaction.body) == (200, b"")
    assert reaction.header("content-length") == str(len(whole.body))


async def test_head_of_a_stream_does_not_stream(door: Door) -> None:
    reaction = await door("HEAD", "/api/v1/public/stream")

    assert (reaction.status, reaction.body) == (200, b"")


async def test_a_sane_request_id_is_kept(door: Door) -> None:
    headers = {"x-request-id": "phone-2026.03_02"}

    reaction = await door("GET", "/nothing", headers=headers)

    assert reaction.header("x-request-id") == reaction.json()["request_id"] == "phone-2026.03_02"


@pytest.mark.parametrize("given", ["short", "x" * 65, "with blank in it", '{"json":"injected"}'])
async def test_another_request_id_is_replaced(door: Door, given: str) -> None:
    reaction = await door("GET", "/nothing", headers={"x-request-id": given})

    assert re.fullmatch(r"\d{15,20}", reaction.header("x-request-id"))


async def test_each_answer_tells_the_servers_time(door: Door) -> None:
    reaction = await door("GET", "/nothing")

    told = datetime.fromisoformat(reaction.header("x-server-time"))
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=5)


async def test_each_answer_carries_the_security_headers(door: Door) -> None:
    reaction = await door("GET", "/api/v1/tenant/accounts", as_="tenant")

    assert reaction.header("x-content-type-options") == "nosniff"
    assert "frame-ancestors 'none'" in reaction.header("content-security-policy")
    assert reaction.header("cache-control") == "no-store"


async def test_a_body_over_its_operations_limit_is_refused(door: Door) -> None:
    body = b'"' + b"x" * (1 << 20) + b'"'

    reaction = await door("POST", "/api/v1/callbacks/pay", body=body)

    assert (reaction.status, reaction.json()["message"]) == (413, "提交的内容过大，最多 1024 KiB")


async def test_an_operation_with_a_wider_limit_takes_more(door: Door) -> None:
    numbers = [1_000_000] * 300_000

    reaction = await door(
        "PUT",
        "/api/v1/collector/readings",
        as_="collector",
        json_body=numbers,
        listener=Listener.PRIVATE,
    )

    assert (reaction.status, reaction.json()) == (200, 300_000)


async def test_a_callback_sees_the_very_bytes(door: Door) -> None:
    body = bytes(range(256))

    reaction = await door("POST", "/api/v1/callbacks/pay", body=body, headers={"content-type": "a/b"})

    assert (reaction.body, reaction.header("content-type")) == (body[::-1], "application/octet-stream")


async def test_two_cookies_arrive_as_two_headers(door: Door) -> None:
    reaction = await door("POST", "/api/v1/staff/sign-in", listener=Listener.PRIVATE)

    cookies = [value for name, value in reaction.headers if name.lower() == "set-cookie"]
    assert (reaction.status, cookies) == (204, ["a=1; HttpOnly", "b=2; HttpOnly"])


async def test_a_limited_caller_is_told_when_to_come_back(door: Door) -> None:
    reaction = await door("DELETE", "/api/v1/tenant/bindings", as_="tenant")

    assert (reaction.status, reaction.header("retry-after")) == (429, "90")


async def test_a_stream_carries_whole_events(door: Door) -> None:
    reaction = await door("GET", "/api/v1/public/stream", query={"events": 2})

    assert reaction.header("content-type") == "text/event-stream; charset=utf-8"
    assert reaction.body.decode().split("\n\n")[:2] == [
        'id: 0\nevent: count\ndata: {"number":0}',
        'id: 1\nevent: count\ndata: {"number":1}',
    ]

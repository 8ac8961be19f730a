"""Log lines: JSON with ids, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from backend.context import Context
from backend.edge import Edge
from backend.errors import Bug
from backend.exchange import Request
from backend.logs import REDACTED, about, logger, open_logs
from backend.routing import Registry, Reply
from tests.edge import sample
from tests.edge.conftest import context_of


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    text = io.StringIO()
    root = logging.getLogger()
    level = root.level
    handler = open_logs(text, as_json=True)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_ids_around_it(stream: io.StringIO) -> None:
    with about(request_id="r-1", meter_id="7"):
        logger("mall").info("断电", reason="欠费")

    (line,) = lines(stream)
    assert {key: line[key] for key in ("event", "reason", "request_id", "meter_id", "level", "logger")} == {
        "event": "断电",
        "reason": "欠费",
        "request_id": "r-1",
        "meter_id": "7",
        "level": "info",
        "logger": "mall",
    }


def test_ids_do_not_outlive_their_block(stream: io.StringIO) -> None:
    with about(request_id="r-1"):
        pass
    logger("mall").info("later")

    assert "request_id" not in lines(stream)[0]


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "cookie",
        "set_cookie",
        "token",
        "access_token",
        "secret",
        "password",
        "apiv3_key",
        "ledger_key",
        "X-CSRF-Token",
        "totp",
        "openid",
    ],
)
def test_a_secret_is_taken_out_by_its_name(stream: io.StringIO, name: str) -> None:
    logger("mall").info("call", headers={name: "hidden-value"}, **{name: "hidden-value"})

    assert "hidden-value" not in stream.getvalue()
    assert lines(stream)[0][name] == REDACTED


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hidden-value",
        "GET https://api.weixin.qq.com/x?access_token=hidden-value&b=1 failed",
        "cannot reach mysql://prewatt:hidden-value@db:3306/prewatt",
        "jscode2session?appid=1&secret=hidden-value",
    ],
)
def test_a_secret_is_taken_out_of_a_text(stream: io.StringIO, text: str) -> None:
    logger("mall").warning(text, detail=[text])
    logging.getLogger("some.library").warning("%s", text)

    assert "hidden-value" not in stream.getvalue()
    assert len(lines(stream)) == 2


def test_a_secret_is_taken_out_of_a_traceback(stream: io.StringIO) -> None:
    try:
        raise Bug("asked https://a/?token=hidden-value")
    except Bug:
        logger("mall").exception("broke")

    assert "hidden-value" not in stream.getvalue()
    assert "Traceback" in lines(stream)[0]["exception"]


def test_debug_lines_and_library_chatter_are_left_out(stream: io.StringIO) -> None:
    logger("mall").debug("detail")
    logging.getLogger("httpx").info("HTTP Request: GET https://a/?token=x")

    assert stream.getvalue() == ""


def test_opening_again_replaces_the_stream(stream: io.StringIO) -> None:
    other = io.StringIO()
    handler = open_logs(other, as_json=True)
    logger("mall").info("once")
    logging.getLogger().removeHandler(handler)

    assert (stream.getvalue(), len(lines(other))) == ("", 1)


async def test_a_fault_is_logged_with_its_request_and_account(stream: io.StringIO) -> None:
    registry = Registry()

    @registry.get("/accounts/{account_id}", permission="public", name="show")
    async def show(ctx: Context, account_id: str) -> Reply[None]:
        logger("mall").info("looking")
        raise Bug("does not balance")

    edge = Edge(context_of(), sample.authenticate, operations=registry.operations())

    await edge.call(Request("GET", "/accounts/77", headers={"x-request-id": "the-call-itself"}))

    looking, broke, call = lines(stream)
    assert (looking["account_id"], looking["actor"]) == ("77", "public")
    assert (broke["request_id"], "does not balance" in broke["exception"]) == ("the-call-itself", True)
    assert (call["operation"], call["status"], call["request_id"]) == ("show", 500, "the-call-itself")

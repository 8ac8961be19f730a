"""The one way into the backend (入口): Sanic, the serverless adapter, tests and the virtual mall use it.

A request becomes an answer here: find the operation, ask who calls, check the permission, only then read
the body, run the handler, write JSON. Whatever goes wrong becomes {"code","message","fields?","request_id"}.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from backend import metrics
from backend.admin_files import AdminFiles
from backend.complaints import invalid_from
from backend.context import Caller, CallerKind, Context
from backend.errors import AppError, Bug, Forbidden, Invalid, NotFound, SignInNeeded, Unreadable
from backend.exchange import SECURITY_HEADERS, Answer, Request
from backend.logs import about, logger
from backend.matching import Match, Matcher, WrongMethod
from backend.packing import packed
from backend.replies import EventStream, Raw
from backend.routing import Listener, Operation, load_handlers

# Says who calls. Handed a context of nobody, the headers (names in lower case) and the operation, whose
# `kind` and `method` say which credential and whether a CSRF header is needed. Returns Caller() for
# nobody; raises AppError for a credential that is not to be trusted.
Authenticate = Callable[[Context, Mapping[str, str], Operation], Awaitable[Caller]]
# Says whether the audit record of a call is there. Tests hand it in; the routing itself writes none.
AuditCheck = Callable[[Context, Operation], Awaitable[bool]]

_JSON = "application/json; charset=utf-8"
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
_IDS_IN_LOGS = ("account_id", "meter_id", "order_no")
_encoder = msgspec.json.Encoder()
_log = logger(__name__)


class TooLarge(Invalid):
    """The body is longer than this operation takes."""

    status = 413
    code = "too_large"
    message = "提交的内容过大，最多 {limit_kib} KiB"


class NotJson(Invalid):
    """The body says that it is something else than JSON."""

    status = 415
    code = "not_json"
    message = "请求内容必须是 JSON（Content-Type: application/json）"


class Broken(AppError):
    """What a client is told about a fault of ours: nothing but the number to find it by."""

    status = 500
    code = "internal_error"
    message = "系统内部错误，已记录。请把请求编号告诉管理员"


class Edge:
    """Answers requests with the operations of a registry."""

    def __init__(
        self,
        context: Context,
        authenticate: Authenticate,
        *,
        operations: Iterable[Operation] | None = None,
        audit_check: AuditCheck | None = None,
        files: AdminFiles | None = None,
    ) -> None:
        """operations: all that stand under backend/handlers unless given. files: the staff's pages."""
        self.context = context
        self.operations = tuple(load_handlers() if operations is None else operations)
        self._authenticate = authenticate
        self._audit_check = audit_check
        self._matcher = Matcher(self.operations)
        self._files = files
        # Whatever begins like an operation is never a page, so that a wrong address of the API is refused.
        self._no_pages = frozenset(one.segments[0] for one in self.operations)

    async def call(self, request: Request) -> Answer:
        """Answer a request. Never raises but for cancellation."""
        clock = self.context.clock
        started = clock.monotonic()
        request_id = self._request_id(request)
        ctx = self.context.for_call(Caller(), request_id, request.client_ip, request.headers, request.body)
        name = "none"
        with about(request_id=request_id):
            try:
                if self._is_of_pages(request):
                    name = "admin_files"
                    answer = self._page(request)
                else:
                    match = self._matcher.match(request.method, request.path, request.listener)
                    name = match.operation.name
                    answer = await self._run(ctx, request, match)
            except AppError as error:
                answer = self._refusal(error, request_id)
            except Exception:
                _log.exception("a call broke", operation=name, method=request.method)
                answer = _error(Broken(), request_id)
            seconds = clock.monotonic() - started
            metrics.observe_call(name, answer.status, seconds)
            _log.info("call", operation=name, status=answer.status, ms=round(seconds * 1000, 1))
        answer = _with_headers(packed(answer, request.headers), request_id, clock.now())
        return await _headless(answer) if request.method == "HEAD" else answer

    def error_answer(self, error: AppError, request: Request) -> Answer:
        """Answer a request that never reached a handler (too large, cut off, no HTTP)."""
        request_id = self._request_id(request)
        return _with_headers(_error(error, request_id), request_id, self.context.clock.now())

    def _is_of_pages(self, request: Request) -> bool:
        first = request.path.removeprefix("/").partition("/")[0]
        return (
            self._files is not None
            and request.listener is Listener.PRIVATE
            and request.method in ("GET", "HEAD")
            and request.path.startswith("/")
            and first not in self._no_pages
        )

    def _page(self, request: Request) -> Answer:
        assert self._files is not None
        return self._files.answer(request)

    def _request_id(self, request: Request) -> str:
        given = request.headers.get("x-request-id", "")
        return given if _REQUEST_ID.match(given) else self.context.ids.text()

    def _refusal(self, error: AppError, request_id: str) -> Answer:
        try:
            return _error(error, request_id)
        except (KeyError, IndexError, ValueError):
            # The sentence asks for a fact that was not given.
            _log.exception("an error has no sentence", code=error.code)
            return _error(Broken(), request_id)

    async def _run(self, ctx: Context, request: Request, match: Match) -> Answer:
        operation = match.operation
        if len(request.body) > operation.body_limit:
            raise TooLarge(limit_kib=operation.body_limit >> 10)
        if operation.kind is not CallerKind.PUBLIC:
            ctx = replace(ctx, caller=await self._authenticate(ctx, request.headers, operation))
        _allow(ctx, operation)
        path = _path_of(operation, match.path_values)
        arguments = {**path, **_query_of(operation, request.query)}
        if operation.body_decoder is not None:
            arguments["body"] = _body_of(operation, request)
        ids = {name: str(path[name]) for name in _IDS_IN_LOGS if name in path}
        with about(actor=ctx.caller.actor, **ids):
            result = await operation.handler(ctx, **arguments)
            if isinstance(result, EventStream):
                return _stream(result)
            answer = _written(result) if isinstance(result, Raw) else _json(result)
            check = self._audit_check if operation.audited and answer.status < 300 else None
            if check is not None and not await check(ctx, operation):
                raise Bug(f"{operation.name} left no audit record")
            return answer


def _allow(ctx: Context, operation: Operation) -> None:
    if operation.kind is CallerKind.PUBLIC:
        return
    if ctx.caller.kind is CallerKind.PUBLIC:
        raise SignInNeeded()
    if ctx.caller.kind is not operation.kind:
        raise Forbidden()
    if operation.permission != operation.kind.value:
        ctx.need(operation.permission)


def _path_of(operation: Operation, values: Mapping[str, str]) -> dict[str, Any]:
    try:
        return msgspec.structs.asdict(msgspec.convert(values, operation.path_type, strict=False))
    except msgspec.ValidationError:
        raise NotFound() from None  # A path that cannot be one of ours names nothing.


@cache
def _list_names(query_type: type[msgspec.Struct]) -> frozenset[str]:
    """Return the names that may be repeated in a query: those of a list type."""

    def is_list(hint: Any) -> bool:
        if get_origin(hint) in (Union, UnionType):
            return any(is_list(one) for one in get_args(hint) if one is not NoneType)
        return hint in (list, tuple, set, frozenset) or get_origin(hint) in (list, tuple, set, frozenset)

    return frozenset(one.encode_name for one in msgspec.structs.fields(query_type) if is_list(one.type))


def _query_of(operation: Operation, query: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    lists = _list_names(operation.query_type)
    repeated = [name for name, values in query.items() if len(values) != 1 and name not in lists]
    if repeated:
        raise Invalid(fields={repeated[0]: "只能填写一次"})
    values = {name: list(found) if name in lists else found[0] for name, found in query.items()}
    try:
        return msgspec.structs.asdict(msgspec.convert(values, operation.query_type, strict=False))
    except msgspec.ValidationError as error:
        raise invalid_from(error) from None


def _body_of(operation: Operation, request: Request) -> Any:
    if not request.body and operation.body_optional:
        return None
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise NotJson()
    assert operation.body_decoder is not None
    try:
        return operation.body_decoder.decode(request.body)
    except msgspec.ValidationError as error:
        raise invalid_from(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable() from None


def _json(reply: Any) -> Answer:
    if reply.value is None:
        status = 204 if reply.status == 200 else reply.status
        return Answer(status, reply.headers)
    return Answer(reply.status, (("Content-Type", _JSON), *reply.headers), _encoder.encode(reply.value))


def _written(raw: Raw) -> Answer:
    return Answer(raw.status, (("Content-Type", raw.content_type), *raw.headers), raw.body)


def _stream(stream: EventStream) -> Answer:
    # X-Accel-Buffering: a proxy must pass each event on at once.
    headers = (("Content-Type", "text/event-stream; charset=utf-8"), ("X-Accel-Buffering", "no"))
    return Answer(200, (*headers, *stream.headers), stream=stream.events)


def _error(error: AppError, request_id: str) -> Answer:
    content: dict[str, object] = {"code": error.code, "message": error.text()}
    if error.fields:
        content["fields"] = error.fields
    content["request_id"] = request_id
    headers: list[tuple[str, str]] = [("Content-Type", _JSON)]
    if isinstance(error, WrongMethod):
        headers.append(("Allow", ", ".join(error.allowed)))
    if "retry_after_s" in error.facts:
        headers.append(("Retry-After", str(max(1, int(error.facts["retry_after_s"])))))
    return Answer(error.status, tuple(headers), _encoder.encode(content))


def _with_headers(answer: Answer, request_id: str, now: datetime) -> Answer:
    server_time = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    own = {key.lower() for key, _ in answer.headers}
    more = [(key, value) for key, value in SECURITY_HEADERS if key.lower() not in own]
    ids = (("X-Request-Id", request_id), ("X-Server-Time", server_time))
    return replace(answer, headers=(*answer.headers, *more, *ids))


async def _headless(answer: Answer) -> Answer:
    """Answer HEAD: the same headers, with the length that GET would have, and nothing else."""
    if answer.stream is not None:
        close = getattr(answer.stream, "aclose", None)
        if close is not None:
            await close()
        return replace(answer, stream=None)
    length = ("Content-Length", str(len(answer.body)))
    return replace(answer, headers=(*answer.headers, length), body=b"")

"""Operations: how a handler is declared, and the one registry of them all (路由).

A handler knows neither Sanic nor SQL. It is declared where it stands, once, with its method, path and
permission; the registry gives routes, the serverless adapter, OpenAPI and the permission matrix.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Required, TypedDict, TypeVar, Unpack, get_args, get_origin, get_type_hints

import msgspec

from backend.context import CallerKind, Context
from backend.replies import EventStream, Raw, Reply, created, event_text, no_content, not_modified, ok

__all__ = [
    "BODY_LIMIT_BYTES",
    "EventStream",
    "Listener",
    "Operation",
    "Options",
    "Raw",
    "Registry",
    "Reply",
    "created",
    "default_registry",
    "delete",
    "event_text",
    "get",
    "load_handlers",
    "no_content",
    "not_modified",
    "ok",
    "post",
    "put",
    "registry",
]

BODY_LIMIT_BYTES = 1 << 20
_PARAMETER = re.compile(r"^\{([a-z][a-z0-9_]*)\}$")
_PERMISSION = re.compile(r"^(public|collector|(tenant|staff)(\.[a-z][a-z0-9_]*)*)$")
_PRIVATE_PREFIXES = ("/api/v1/staff/", "/api/v1/collector/")


class Listener(StrEnum):
    """Where an operation can be reached. The public front passes PUBLIC and BOTH alone."""

    PUBLIC = "public"  # Phones, payment callbacks, events.
    PRIVATE = "private"  # Staff, collectors, metrics.
    BOTH = "both"


Handler = Callable[..., Awaitable[Reply[Any] | Raw | EventStream]]
H = TypeVar("H", bound=Handler)


class Options(TypedDict, total=False):
    """What a declaration says beside method and path."""

    permission: Required[str]  # "public", "tenant", "tenant.top_up", "staff", "staff.trip", "collector".
    listener: str | None  # "public", "private" or "both"; staff and collectors are always private.
    idempotent: str | None  # The body's field that stays the same in the retries of one request.
    audit: bool | None  # True for everything that staff may write, unless said otherwise.
    body_limit: int  # Bytes; BODY_LIMIT_BYTES unless said otherwise.
    name: str | None  # Made from the module unless said otherwise.


@dataclass(frozen=True, slots=True)
class Operation:
    """One declared handler with everything the edge needs to call it."""

    name: str  # From the module: "tenant.begin_top_up".
    method: str
    path: str
    permission: str
    listener: Listener
    idempotent: str | None  # The field of the body that names the request for its retries.
    audited: bool  # Its service writes an audit record in its own transaction.
    body_limit: int
    handler: Handler
    result: Any  # The annotation of the return value: Reply[View], Raw or EventStream.
    path_type: type[msgspec.Struct]
    query_type: type[msgspec.Struct]
    body_type: Any = None  # None: no JSON body; a callback reads ctx.body.
    body_optional: bool = False
    body_decoder: "msgspec.json.Decoder[Any] | None" = field(default=None, repr=False)

    @property
    def kind(self) -> CallerKind:
        """Return who may call it, by kind: CallerKind.PUBLIC means anybody."""
        return CallerKind(self.permission.partition(".")[0])

    @property
    def summary(self) -> str:
        """Return the first line of the handler's docstring, or of its module's."""
        doc = self.handler.__doc__ or inspect.getdoc(inspect.getmodule(self.handler)) or self.name
        return doc.strip().splitlines()[0]

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))


def _path_names(path: str) -> list[str]:
    if not path.startswith("/") or path.endswith("/") or "//" in path:
        raise TypeError(f"not a path: {path!r}")
    names = [match.group(1) for part in path.split("/") if (match := _PARAMETER.match(part))]
    if path.count("{") != len(names) or len(set(names)) != len(names):
        raise TypeError(f"a parameter must fill a whole segment and be named once: {path!r}")
    return names


def _struct_of(name: str, hints: Mapping[str, Any], defaults: Mapping[str, Any]) -> type[msgspec.Struct]:
    """Make the struct that path or query values are converted to; `from_` is called "from" outside."""
    fields = [(key, hint, defaults[key]) if key in defaults else (key, hint) for key, hint in hints.items()]
    return msgspec.defstruct(
        name,
        fields,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        rename={key: key.rstrip("_") for key in hints if key.endswith("_")} or None,
    )


def _without_none(hint: Any) -> tuple[Any, bool]:
    rest = [one for one in get_args(hint) if one is not type(None)]
    if type(None) in get_args(hint) and len(rest) == 1:
        return rest[0], True
    return hint, False


def _default_listener(permission: str, path: str) -> Listener:
    private = permission.startswith(("staff", "collector")) or path.startswith(_PRIVATE_PREFIXES)
    return Listener.PRIVATE if private else Listener.PUBLIC


def _name_of(handler: Handler) -> str:
    short = ".".join(handler.__module__.split(".")[-2:])
    return short if handler.__name__ == "handle" else f"{short}.{handler.__name__}"


class Registry:
    """Operations by name. There is one for the product (`default_registry`); tests make their own."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def operations(self) -> list[Operation]:
        """Return all operations, sorted by path and method, whatever the order of the imports."""
        return sorted(self._operations.values(), key=lambda one: (one.path, one.method))

    def declare(self, method: str, path: str, **options: Unpack[Options]) -> Callable[[H], H]:
        """Declare `async def handle(ctx, <path parameters>, <query parameters>, body)` as an operation.

        A wrong declaration raises TypeError at import.
        """
        permission, listener = options["permission"], options.get("listener")
        idempotent, audit = options.get("idempotent"), options.get("audit")
        if not _PERMISSION.match(permission):
            raise TypeError(f"{method} {path}: not a permission: {permission!r}")
        where = Listener(listener) if listener else _default_listener(permission, path)
        if permission.startswith(("staff", "collector")) and where is not Listener.PRIVATE:
            raise TypeError(f"{method} {path}: {permission} is served on the private listener alone")
        audited = audit if audit is not None else permission.startswith("staff") and method != "GET"

        def add(handler: H) -> H:
            parts = _signature(handler, method, path, idempotent)
            operation = Operation(
                name=options.get("name") or _name_of(handler),
                method=method,
                path=path,
                permission=permission,
                listener=where,
                idempotent=idempotent,
                audited=audited,
                body_limit=options.get("body_limit", BODY_LIMIT_BYTES),
                handler=handler,
                **parts,
            )
            self._add(operation)
            return handler

        return add

    def _add(self, operation: Operation) -> None:
        shape = [_PARAMETER.sub("{}", part) for part in operation.segments]
        for other in self._operations.values():
            same = [_PARAMETER.sub("{}", part) for part in other.segments] == shape
            if other.name == operation.name or (same and other.method == operation.method):
                raise TypeError(f"declared twice: {operation.name} and {other.name} ({operation.path})")
        self._operations[operation.name] = operation

    def get(self, path: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self.declare("GET", path, **options)

    def post(self, path: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self.declare("POST", path, **options)

    def put(self, path: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self.declare("PUT", path, **options)

    def delete(self, path: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self.declare("DELETE", path, **options)


def _signature(handler: Handler, method: str, path: str, idempotent: str | None) -> dict[str, Any]:
    """Read a handler's signature; raise TypeError where it does not fit its declaration."""
    where = f"{handler.__module__}.{handler.__name__}"
    if not inspect.iscoroutinefunction(handler):
        raise TypeError(f"{where} is not an async function")
    hints = get_type_hints(handler, include_extras=True)
    parameters = list(inspect.signature(handler).parameters.values())
    if not parameters or hints.get(parameters[0].name) is not Context:
        raise TypeError(f"{where} must take ctx: Context first")
    result = hints.get("return")
    if result not in (Raw, EventStream) and get_origin(result) is not Reply:
        raise TypeError(f"{where} must say what it returns: Reply[…], Raw or EventStream")
    others = [one for one in parameters[1:] if one.name != "body"]
    defaults = {one.name: one.default for one in others if one.default is not inspect.Parameter.empty}
    path_names = _path_names(path)
    missing = [one for one in path_names if one not in {other.name for other in others}]
    untyped = [one.name for one in parameters if one.name not in hints]
    if missing or untyped:
        raise TypeError(f"{where}: missing path parameters {missing}, parameters without a type {untyped}")
    body_type, body_optional = _without_none(hints.get("body"))
    if body_type is not None and method in {"GET", "DELETE"}:
        raise TypeError(f"{where}: {method} has no body")
    if idempotent is not None and idempotent not in getattr(body_type, "__struct_fields__", ()):
        raise TypeError(f"{where}: its body has no field {idempotent!r}")
    query_hints = {one.name: hints[one.name] for one in others if one.name not in path_names}
    return {
        "result": result,
        "path_type": _struct_of("Path", {one: hints[one] for one in path_names}, {}),
        "query_type": _struct_of("Query", query_hints, defaults),
        "body_type": body_type,
        "body_optional": body_optional,
        "body_decoder": msgspec.json.Decoder(body_type) if body_type is not None else None,
    }


default_registry = Registry()
get = default_registry.get
post = default_registry.post
put = default_registry.put
delete = default_registry.delete


def registry() -> list[Operation]:
    """Return the product's operations that are loaded, sorted by path and method."""
    return default_registry.operations()


def load_handlers() -> list[Operation]:
    """Import every module under backend/handlers and return all operations. Harmless when repeated."""
    package = importlib.import_module("backend.handlers")
    names = [one.name for one in pkgutil.walk_packages(package.__path__, "backend.handlers.")]
    for name in sorted(names):
        importlib.import_module(name)
    return registry()

"""Find the operation that a method and a path name (路由匹配)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from backend.errors import NotFound, Refused
from backend.routing import Listener, Operation

_MAX_PATH = 1_024


class WrongMethod(Refused):
    """The path is there, the method is not."""

    status = 405
    code = "wrong_method"
    message = "这个地址不支持 {method} 方法"

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(method=method)
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Match:
    operation: Operation
    path_values: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    literal: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    operations: dict[str, Operation] = field(default_factory=dict)


class Matcher:
    """A tree of path segments; a literal segment goes before a parameter."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            for part in operation.segments:
                if part.startswith("{"):
                    node.parameter = node.parameter or _Node()
                    node = node.parameter
                else:
                    node = node.literal.setdefault(part, _Node())
            node.operations[operation.method] = operation

    def match(self, method: str, path: str, listener: Listener = Listener.BOTH) -> Match:
        """Return the operation and its path values, percent-decoded. HEAD finds GET.

        path: as it stands in the request line, without the query. A listener other than BOTH sees its
        own operations alone. Raises NotFound or WrongMethod.
        """
        node, parts = self._find(path)
        seen = {
            name: one
            for name, one in (node.operations if node else {}).items()
            if listener is Listener.BOTH or one.listener in (listener, Listener.BOTH)
        }
        if not seen:
            raise NotFound()
        operation = seen.get("GET" if method == "HEAD" else method)
        if operation is None:
            heads = {"HEAD"} if "GET" in seen else set()
            raise WrongMethod(method, tuple(sorted({*seen, *heads})))
        values = {
            name[1:-1]: part
            for name, part in zip(operation.segments, parts, strict=True)
            if name.startswith("{")
        }
        return Match(operation, values)

    def _find(self, path: str) -> tuple[_Node | None, list[str]]:
        if not path.startswith("/") or len(path) > _MAX_PATH:
            return None, []
        try:
            parts = [unquote(part, errors="strict") for part in path[1:].split("/")]
        except UnicodeDecodeError:
            return None, []
        return _walk(self._root, parts), parts


def _walk(node: _Node, parts: list[str]) -> _Node | None:
    if not parts:
        return node if node.operations else None
    head, rest = parts[0], parts[1:]
    found = node.literal.get(head)
    if found is not None and (end := _walk(found, rest)) is not None:
        return end
    return _walk(node.parameter, rest) if node.parameter is not None and head else None

"""Who may do what, as a table of operations and roles (权限矩阵)."""

from collections.abc import Iterable, Mapping

from backend.context import CallerKind
from backend.routing import Operation, load_handlers

_YES, _NO = "●", "·"


def may(operation: Operation, permissions: frozenset[str]) -> bool:
    """Say whether a staff role with these permissions may call an operation."""
    if operation.kind is not CallerKind.STAFF:
        return False
    return operation.permission in permissions or operation.permission == CallerKind.STAFF.value


def permission_matrix(
    roles: Mapping[str, frozenset[str]], operations: Iterable[Operation] | None = None
) -> str:
    """Return a Markdown table: all operations with their kind of caller, and the staff roles.

    roles: name of a role -> its permissions. operations: all of the product unless given.
    """
    listed = sorted(load_handlers() if operations is None else operations, key=lambda one: one.name)
    heads = ["操作", "方法", "地址", "权限", "留痕", *roles]
    rows = [
        [
            one.name,
            one.method,
            f"`{one.path}`",
            one.permission,
            "是" if one.audited else "",
            *(_YES if may(one, permissions) else _NO for permissions in roles.values()),
        ]
        for one in listed
    ]
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

"""The repository as text: which files there are, and what each module imports and calls."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("backend", "collector", "common", "simulator", "benchmarks")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, as far as it is a module: "backend.models.site", "tortoise.expressions"."""

    module: str
    line: int
    at_load: bool  # False inside of a function: it then makes no circle.


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return all files that are, or are about to be, in the repository; relative, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    names = {name for name in listed.split("\0") if name}
    return tuple(sorted(Path(name) for name in names if (ROOT / name).is_file()))


def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def python_files(*tops: str) -> list[Path]:
    """Return the Python files under folders of the repository's root."""
    return [path for path in tracked_files() if path.suffix == ".py" and path.parts[0] in tops]


def module_of(path: Path) -> str:
    """backend/models/site.py → backend.models.site; a package's __init__ is the package."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def is_in(module: str, *rooms: str) -> bool:
    """Tell whether a module is one of the rooms or inside of one."""
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


@cache
def modules() -> frozenset[str]:
    return frozenset(module_of(path) for path in python_files(*OURS))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path), str(path))


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Return what a file imports, at load and inside of its functions."""
    found: list[Import] = []

    def visit(node: ast.AST, at_load: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            module = node.module or ""
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                found.append(Import(inner if inner in modules() else module, node.lineno, at_load))
        inside = at_load and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        inside = inside and not _is_for_types_alone(node)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(tree_of(path), True)
    return tuple(found)


def names_of(path: Path) -> list[tuple[int, str]]:
    """Return every imported name that a file uses, with its line, in full.

    `import time as t; t.time()` and `from time import time; time()` both give "time.time".
    """
    names: dict[str, str] = {}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute | ast.Name) and (name := _dotted(node)):
            first, dot, rest = name.partition(".")
            if first in names:
                found.append((node.lineno, names[first] + dot + rest))
    return found


def _is_for_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""

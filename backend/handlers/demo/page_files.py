"""The demo's pages as files of this package (演示页面文件): read once, served with a strict policy."""

from functools import cache
from pathlib import Path

from backend.context import Context
from backend.errors import NotFound
from backend.replies import Headers, Raw

_FOLDER = Path(__file__).with_name("pages")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


def need_demo(ctx: Context) -> None:
    """Raise NotFound unless this is a demo."""
    if not ctx.settings.demo:
        raise NotFound()


def page(ctx: Context, name: str, *, connects_to: str = "") -> Raw:
    """Return a page (演示页面). connects_to: another origin that its script may call.

    Errors: NotFound (no demo).
    """
    need_demo(ctx)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        f" connect-src 'self' {connects_to}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return _raw(name, (("Content-Security-Policy", policy),))


def part(ctx: Context, name: str) -> Raw:
    """Return a script or a style sheet. Errors: NotFound (no demo, no such file)."""
    need_demo(ctx)
    if name not in _parts():
        raise NotFound()
    return _raw(name)


@cache
def _parts() -> frozenset[str]:
    """Names that may be asked for: no path of a caller ever reaches the file system."""
    return frozenset(one.name for one in _FOLDER.iterdir() if one.suffix in {".js", ".css"})


def _raw(name: str, headers: Headers = ()) -> Raw:
    return Raw(_read(name), _TYPES[Path(name).suffix], headers=headers)


@cache
def _read(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()

"""The built admin as files of this package (物业后台页面): listed once, precompressed, strictly guarded.

A request can only name a file that was found at the start, so none of a caller's paths reaches the disk.
Paths of screens belong to the pages' own router: each of them answers `index.html`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backend.errors import NotFound, Unsure
from backend.exchange import Answer, Request
from backend.packing import taken_encodings

FOLDER = Path(__file__).with_name("admin_pages")
INDEX = "index.html"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_ENCODINGS = (("br", ".br"), ("zstd", ".zst"), ("gzip", ".gz"))  # The best first.
# Frames of our own alone: a receipt is printed from one without leaving the counter.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self';"
    " connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
_PAGE_HEADERS = (("Content-Security-Policy", _POLICY), ("X-Frame-Options", "SAMEORIGIN"))
_KEPT_FOR_A_YEAR = "public, max-age=31536000, immutable"  # The name holds a hash of the content.


class NotBuilt(Unsure):
    """The program was started without its pages."""

    code = "pages_not_built"
    message = "管理页面还没有生成。请在程序目录执行 python admin/build_pages.py，然后重新启动"


@dataclass(frozen=True, slots=True)
class _File:
    content_type: str
    tag: str  # Of the content, for If-None-Match.
    body: bytes = field(repr=False)
    encoded: Mapping[str, bytes] = field(repr=False)  # "br" → compressed body.


class AdminFiles:
    """Answers what no operation answered, on the private listener alone."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in (sorted(folder.rglob("*")) if folder.is_dir() else ())
            if path.suffix in _TYPES and path.is_file()
        }

    def answer(self, request: Request) -> Answer:
        """Answer with a file, or with the page for a screen's path.

        Errors: NotFound (no such file, or nobody who reads pages), NotBuilt.
        """
        name = request.path.removeprefix("/") or INDEX
        found = self._files.get(name)
        if found is None:
            if "." in request.path.rpartition("/")[2] or "text/html" not in request.headers.get("accept", ""):
                raise NotFound()
            name, found = INDEX, self._files.get(INDEX)
            if found is None:
                raise NotBuilt()
        return _sent(found, name, request.headers)


def _read(path: Path) -> _File:
    body = path.read_bytes()
    encoded = {
        encoding: packed.read_bytes()
        for encoding, suffix in _ENCODINGS
        if (packed := path.with_name(path.name + suffix)).is_file()
    }
    return _File(_TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:20], body, encoded)


def _sent(file: _File, name: str, asked: Mapping[str, str]) -> Answer:
    taken = taken_encodings(asked.get("accept-encoding", ""))
    encoding = next((one for one, _ in _ENCODINGS if one in taken and one in file.encoded), None)
    tag = f'"{file.tag}{"-" + encoding if encoding else ""}"'
    headers = [
        ("Content-Type", file.content_type),
        ("Cache-Control", _KEPT_FOR_A_YEAR if name.startswith("assets/") else "no-cache"),
        ("ETag", tag),
        ("Vary", "Accept-Encoding"),
    ]
    if file.content_type.startswith("text/html"):
        headers += _PAGE_HEADERS
    if tag in [one.strip() for one in asked.get("if-none-match", "").split(",")]:
        return Answer(304, tuple(headers[1:]))
    if encoding is None:
        return Answer(200, tuple(headers), file.body)
    return Answer(200, (*headers, ("Content-Encoding", encoding)), file.encoded[encoding])

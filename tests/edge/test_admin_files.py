"""The staff's pages as files: what is sent, how it is kept, and what they never stand in front of."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from backend.admin_files import AdminFiles
from backend.edge import Edge
from backend.exchange import Answer, Request
from backend.routing import Listener
from tests.edge import sample
from tests.edge.conftest import context_of

HTML = {"accept": "text/html,application/xhtml+xml"}
SCRIPT = b"console.log('prewatt');"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>pages</title>")
    (tmp_path / "assets" / "main-1a2b.js").write_bytes(SCRIPT)
    for suffix in ("br", "zst", "gz"):
        (tmp_path / "assets" / f"main-1a2b.js.{suffix}").write_bytes(suffix.encode())
    (tmp_path / ".inputs").write_text("digest")
    (tmp_path.parent / "secret.js").write_text("no page")
    return tmp_path


@pytest.fixture
def edge(folder: Path) -> Edge:
    return Edge(
        context_of(),
        sample.authenticate,
        operations=sample.sample_registry.operations(),
        files=AdminFiles(folder),
    )


async def ask(
    edge: Edge,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    listener: Listener = Listener.PRIVATE,
) -> Answer:
    return await edge.call(Request(method, path, {}, dict(headers or {}), b"", "127.0.0.1", listener))


@pytest.mark.parametrize("path", ["/", "/board", "/shops/123", "/sign-in"])
async def test_a_screens_path_answers_the_page(edge: Edge, path: str) -> None:
    answer = await ask(edge, path, HTML)

    assert (answer.status, answer.header("content-type")) == (200, "text/html; charset=utf-8")
    assert answer.header("cache-control") == "no-cache"


async def test_the_page_may_run_nothing_but_its_own_files(edge: Edge) -> None:
    answer = await ask(edge, "/", HTML)

    policy = answer.header("content-security-policy") or ""
    assert "script-src 'self'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
    assert answer.header("x-content-type-options") == "nosniff"
    assert [name for name, _ in answer.headers].count("Content-Security-Policy") == 1


async def test_an_asset_is_kept_for_a_year(edge: Edge) -> None:
    answer = await ask(edge, "/assets/main-1a2b.js")

    assert answer.body == SCRIPT
    assert answer.header("cache-control") == "public, max-age=31536000, immutable"
    assert answer.header("content-encoding") is None


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"br"),
        ("gzip, zstd", "zstd", b"zst"),
        ("gzip", "gzip", b"gz"),
        ("br;q=0, gzip;q=0.5", "gzip", b"gz"),
        ("identity", None, SCRIPT),
    ],
)
async def test_the_best_packing_that_is_taken_is_sent(
    edge: Edge, accepted: str, encoding: str | None, body: bytes
) -> None:
    answer = await ask(edge, "/assets/main-1a2b.js", {"accept-encoding": accepted})

    assert (answer.header("content-encoding"), answer.body) == (encoding, body)
    assert answer.header("vary") == "Accept-Encoding"


async def test_what_the_browser_holds_is_not_sent_again(edge: Edge) -> None:
    tag = (await ask(edge, "/", HTML)).header("etag") or ""

    again = await ask(edge, "/", {**HTML, "if-none-match": tag})

    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone-9f9f.js",
        "/../secret.js",
        "/assets/../../secret.js",
        "/assets/%2e%2e/%2e%2e/secret.js",
        "//secret.js",
        "/.inputs",
        "/assets/main-1a2b.js.br",
    ],
)
async def test_no_other_file_is_ever_sent(edge: Edge, path: str) -> None:
    assert (await ask(edge, path, HTML)).status == 404


async def test_a_program_that_asks_for_a_page_path_is_refused(edge: Edge) -> None:
    assert (await ask(edge, "/board", {"accept": "application/json"})).status == 404


async def test_a_wrong_address_of_the_api_is_no_page(edge: Edge) -> None:
    first = edge.operations[0].segments[0]

    answer = await ask(edge, f"/{first}/no/such/address", HTML)

    assert (answer.status, answer.header("content-type")) == (404, "application/json; charset=utf-8")


@pytest.mark.parametrize("listener", [Listener.PUBLIC, Listener.BOTH])
async def test_the_public_listener_has_no_pages(edge: Edge, listener: Listener) -> None:
    assert (await ask(edge, "/", HTML, listener=listener)).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_page_is_only_read(edge: Edge, method: str) -> None:
    assert (await ask(edge, "/", HTML, method=method)).status == 404


async def test_head_says_the_length_alone(edge: Edge) -> None:
    answer = await ask(edge, "/assets/main-1a2b.js", method="HEAD")

    assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", str(len(SCRIPT)))


async def test_pages_that_were_not_built_are_told_in_words(edge: Edge, tmp_path: Path) -> None:
    bare = Edge(
        context_of(), sample.authenticate, operations=edge.operations, files=AdminFiles(tmp_path / "none")
    )

    answer = await ask(bare, "/", HTML)

    assert answer.status == 503
    assert "管理页面还没有生成" in answer.body.decode()

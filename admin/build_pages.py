"""Build the admin into backend/admin_pages (生成管理页面): `python admin/build_pages.py [--force]`.

Does nothing while the inputs are as they were at the last build. Called by the build hook, `make` and the
browser tests; one build at a time.
"""

import fcntl
import gzip
import hashlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
OUT = ROOT / "backend" / "admin_pages"
STAMP = OUT / ".inputs"
_PACKED = {".js", ".css", ".html", ".svg", ".json"}
_WORTH_PACKING_BYTES = 1_024
_NO_INPUTS = {"node_modules", "dist", "coverage", "__pycache__"}
_MADE = {"theme.css", "states.ts", "schema.d.ts", "components.d.ts", ".building"}


def inputs() -> Iterator[Path]:
    """Yield what the pages are made from, in one order on every machine."""
    for folder in (HERE, ROOT / "design"):
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            is_made = path.name in _MADE or _NO_INPUTS & set(parts)
            if path.is_file() and not is_made and not path.name.endswith((".test.ts", ".md")):
                yield path


def digest() -> str:
    total = hashlib.sha256()
    for path in inputs():
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def is_built() -> bool:
    return STAMP.is_file() and STAMP.read_text() == digest()


def build(*, force: bool = False) -> bool:
    """Build the pages unless they are there; say whether anything was done. Raises CalledProcessError."""
    with (HERE / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not force and is_built():
            return False
        prepare()
        from node import run  # Only a build needs node.

        run("npm", "run", "build", quiet=True)
        shutil.rmtree(OUT, ignore_errors=True)
        shutil.copytree(HERE / "dist", OUT)
        _pack(OUT)
        STAMP.write_text(digest())
        return True


def prepare() -> None:
    """Install the packages when the lock file is another, and make what is generated: types and theme."""
    sys.path.insert(0, str(HERE))
    from node import run

    lock, installed = (HERE / "package-lock.json").read_bytes(), HERE / "node_modules" / ".installed-from"
    wanted = hashlib.sha256(lock).hexdigest()
    if not installed.is_file() or installed.read_text() != wanted:
        run("npm", "ci", "--no-audit", "--no-fund", quiet=True)
        installed.write_text(wanted)
    run("npm", "run", "gen", quiet=True)


def _pack(folder: Path) -> None:
    import brotli
    import zstandard

    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix not in _PACKED:
            continue
        raw = path.read_bytes()
        if len(raw) <= _WORTH_PACKING_BYTES:
            continue
        for suffix, packed in (
            (".br", brotli.compress(raw, quality=11)),
            (".zst", zstandard.ZstdCompressor(level=19).compress(raw)),
            (".gz", gzip.compress(raw, 9, mtime=0)),
        ):
            if len(packed) < len(raw) * 0.95:
                path.with_name(path.name + suffix).write_bytes(packed)


if __name__ == "__main__":
    if "--prepare" in sys.argv:
        prepare()
    elif build(force="--force" in sys.argv):
        print("管理页面已生成", file=sys.stderr)

"""The document that the admin's client is made from is what the operations say."""

import subprocess
import sys

from backend.openapi_file import FILE, document_text
from tests.house.source import ROOT, text_of, tracked_files


def test_the_file_is_what_the_operations_say() -> None:
    # Made in a process of its own: what other tests declared must not be in it.
    done = subprocess.run([sys.executable, "-m", "backend.openapi_file", "--check"], cwd=ROOT, check=False)

    assert done.returncode == 0, "python -m backend.openapi_file"


def test_the_document_is_the_same_each_time() -> None:
    assert document_text() == document_text()
    assert FILE.name == "openapi.json"


def test_the_lock_file_names_no_registry() -> None:
    locks = [path for path in tracked_files() if path.name == "package-lock.json"]

    assert locks and [path for path in locks if '"resolved"' in text_of(path)] == []

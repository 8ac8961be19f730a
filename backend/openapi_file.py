"""Write the document that the admin's client is made from (接口文档文件): `python -m backend.openapi_file`.

`--check` writes nothing and ends with 1 when `admin/openapi.json` is not what the operations say.
"""

import json
import sys
from pathlib import Path

from backend.openapi import openapi
from backend.routing import Listener, load_handlers

FILE = Path(__file__).parents[1] / "admin" / "openapi.json"


def document_text() -> str:
    """Return what the file shall hold: the operations that a browser of the staff can reach, sorted."""
    reachable = [one for one in load_handlers() if one.listener is not Listener.PUBLIC]
    staff = [one for one in reachable if not one.permission.startswith("collector")]
    return json.dumps(openapi(staff), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    text = document_text()
    is_right = FILE.exists() and FILE.read_text(encoding="utf-8") == text
    if "--check" in arguments:
        return int(not is_right)
    if not is_right:
        FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Build the admin's pages into the package while a wheel or an editable install is made (构建钩子)."""

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if os.environ.get("SKIP_ADMIN_PAGES") == "1":  # Work on the API alone: pages answer 503 with a hint.
            return
        sys.path.insert(0, str(Path(self.root) / "admin"))
        from build_pages import build

        build()

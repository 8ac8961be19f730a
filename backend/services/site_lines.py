"""Where in a site file something stands (行号): from a path in the data to a line of the text."""

import re


def line_name(number: int) -> str:
    return f"第 {number} 行"


class Lines:
    """Finds the line of a path such as "$.shafts[0].gateways[1].code" in the file's text."""

    _HEADER = re.compile(r"^\s*\[\[?\s*([\w.]+)\s*\]\]?\s*(#.*)?$")

    def __init__(self, text: str) -> None:
        self._at: dict[str, int] = {}
        counts: dict[str, int] = {}
        here = "$"
        for number, line in enumerate(text.splitlines(), start=1):
            header = self._HEADER.match(line)
            if header:
                here = self._open(header[1].split("."), line.lstrip().startswith("[["), counts)
                self._at.setdefault(here, number)
                continue
            key = re.match(r"\s*(\w+)\s*=", line)
            if key:
                self._at.setdefault(f"{here}.{key[1]}", number)

    @staticmethod
    def _open(names: list[str], is_array: bool, counts: dict[str, int]) -> str:
        path = "$"
        for depth, name in enumerate(names):
            path = f"{path}.{name}"
            if depth + 1 < len(names):
                path = f"{path}[{counts[path]}]" if path in counts else path
            elif is_array:
                counts[path] = counts.get(path, -1) + 1
                path = f"{path}[{counts[path]}]"
        return path

    def of(self, path: str) -> int:
        while path and path not in self._at:
            path = re.sub(r"(\[[^\]]*\]|\.\w+)$", "", path) if path != "$" else ""
        return self._at.get(path, 1)

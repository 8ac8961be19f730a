"""The site file (站点文件): a mall as an integrator writes it, in TOML. Errors name the line.

Reading it touches no database; services/site_load.py makes it so.
"""

import re
import tomllib
from collections.abc import Mapping

import msgspec

from backend.errors import Invalid
from backend.services.site_check import problems_of
from backend.services.site_lines import Lines, line_name
from backend.services.site_parts import SiteFile


class SiteFileError(Invalid):
    """The file cannot be loaded; `fields` maps "第 N 行" to what is wrong there."""

    code = "site_file_invalid"
    message = "站点文件有误"


def read_site_file(text: str, profiles: Mapping[str, str] | None = None) -> SiteFile:
    """Read and check a site file. Raises SiteFileError with one message per wrong line.

    profiles: the meter models that can be read, name -> protocol family; None: no collector has said yet,
    so any name is taken.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise SiteFileError(
            fields={line_name(int(found[1]) if found else 1): f"TOML 语法错误：{error}"}
        ) from None
    lines = Lines(text)
    try:
        file = msgspec.convert(data, SiteFile)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        raise SiteFileError(fields={line_name(lines.of(path.rstrip("`"))): message}) from None
    problems = problems_of(file, lines, profiles)
    if problems:
        raise SiteFileError(fields=problems)
    return file

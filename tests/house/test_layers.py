"""The tree is the architecture: imports point inwards, and each library has its room."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.house.source import Import, imports_of, is_in, module_of, modules, python_files

# A module may import from its own floor and from the floors below. The longest name that fits counts.
FLOORS = {
    "backend.errors": 0,
    "backend.logs": 0,
    "backend.metrics": 0,
    "backend.settings": 0,
    "backend.domain": 1,
    "backend.models": 1,
    "backend.migrations": 1,
    "backend.store": 1,
    "backend.store_rows": 1,
    "backend.store_sqlite": 1,
    "backend.messages": 2,
    "backend.payments": 2,
    "backend.wakes": 2,
    "backend.context": 3,
    "backend.replies": 3,
    "backend.routing": 3,
    "backend.jobs.port": 3,
    "backend.outbox": 3,
    "backend.outbox_rows": 3,
    "backend.reports": 4,
    "backend.services": 4,
    "backend.handlers": 5,
    "backend.jobs": 5,
    "backend.schedule": 5,
    "backend.openapi": 5,
    "backend.permission_matrix": 5,
    "backend.exchange": 5,
    "backend.admin_files": 5,
    "backend.packing": 5,
    "backend.openapi_file": 6,
    "backend.matching": 5,
    "backend.complaints": 5,
    "backend.client_ip": 5,
    "backend.beats": 5,
    "backend.edge": 5,
    "backend.serverless": 6,
    "backend.app": 6,
    "backend.worker": 6,
    "backend.workers": 6,
    "backend.valkey": 6,
    "backend.assemble": 6,
    "backend.commands": 7,
    "backend.cli": 8,
}

# Where a library may be known. What is not named here may be used anywhere.
ROOMS_OF_LIBRARIES = {
    "sanic": ("backend.app",),
    "tortoise": (
        "backend.models",
        "backend.migrations",
        "backend.store",
        "backend.store_rows",
        "backend.store_sqlite",
        "backend.services",
    ),
    "pymysql": ("backend.store",),
    "redis": ("backend.wakes", "backend.worker", "backend.valkey"),
    "arq": ("backend.worker",),
    "wechatpy": ("backend.messages",),
    "tencentcloud": ("backend.messages",),
    "prometheus_client": ("backend.metrics",),
    "pymodbus": ("collector.protocols",),
    "wechatpayv3": (),  # A cross-check in tests alone.
}

# These run product and simulated world together; every other file of the simulator is the world alone.
MEETING_PLACES = (
    "product", "whole", "tenants", "phones", "days", "demo", "story", "story_reads", "stack", "start_page",
    "laws", "history",
)  # fmt: skip
STRANGE_TO_THE_WORLD = ("backend", "collector", "pymodbus", "wechatpy", "wechatpayv3", "sanic", "tortoise")

# A handler may know these beside services; anything more says so here, with its reason.
HANDLERS_MAY = (
    "backend.context", "backend.errors", "backend.handlers", "backend.logs", "backend.metrics",
    "backend.openapi", "backend.permission_matrix", "backend.payments.port", "backend.messages.port",
    "backend.domain", "backend.routing", "backend.replies", "backend.services",
)  # fmt: skip
HANDLERS_ALSO = {
    ("backend.handlers.operations.show_ready", "backend.store"): "readiness asks the database itself",
    ("backend.handlers.demo.show_totp", "backend.models.people"): "goes with the demo pages: docs/roadmap.md",
}
DOMAIN_MAY = ("backend.domain", "backend.errors", "common", "msgspec")
LIBRARIES_WITH_IO = ("asyncio", "socket", "sqlite3", "os", "pathlib", "time", "random", "httpx", "subprocess")


def floor_of(module: str) -> int:
    fitting = [room for room in FLOORS if is_in(module, room)]
    assert fitting, f"{module} has no floor: say in FLOORS where it belongs"
    return FLOORS[max(fitting, key=len)]


def wrong(top: str, *, unless: tuple[str, ...]) -> list[str]:
    """Return the imports of our own modules from one program that go elsewhere."""
    return [
        told(path, one)
        for path in python_files(top)
        for one in imports_of(path)
        if one.module in modules() and not is_in(one.module, *unless)
    ]


def told(path: Path, one: Import) -> str:
    return f"{path}:{one.line} imports {one.module}"


def test_imports_point_inwards() -> None:
    upwards = [
        told(path, one)
        for path in python_files("backend")
        for one in imports_of(path)
        if one.module in modules() and is_in(one.module, "backend") and one.module != "backend"
        if module_of(path) != "backend" and floor_of(one.module) > floor_of(module_of(path))
    ]

    assert upwards == []


@pytest.mark.parametrize("top", ["backend", "collector", "common", "simulator"])
def test_no_imports_go_in_circles(top: str) -> None:
    graph = {
        module_of(path): {
            one.module
            for one in imports_of(path)
            if one.at_load and one.module in modules() and one.module != module_of(path)
        }
        for path in python_files(top)
    }

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_collector_knows_common_alone() -> None:
    assert wrong("collector", unless=("collector", "common")) == []


def test_common_knows_nobody() -> None:
    assert wrong("common", unless=("common",)) == []


def test_the_backend_knows_neither_collector_nor_simulator() -> None:
    outside = wrong("backend", unless=("backend", "common"))

    # The command line starts every program; it loads each one only when asked for it.
    assert [one for one in outside if not one.startswith("backend/cli.py:")] == []


def test_the_command_line_loads_other_programs_only_when_asked() -> None:
    at_load = [one.module for one in imports_of(Path("backend/cli.py")) if one.at_load]

    assert [module for module in at_load if is_in(module, "collector", "simulator", "backend.commands")] == []


def test_the_simulated_world_shares_no_codec_with_the_product() -> None:
    shared = [
        told(path, one)
        for path in python_files("simulator")
        if not path.stem.startswith(MEETING_PLACES)
        for one in imports_of(path)
        if is_in(one.module, *STRANGE_TO_THE_WORLD)
    ]

    assert shared == []


@pytest.mark.parametrize("library", ROOMS_OF_LIBRARIES)
def test_a_library_stays_in_its_room(library: str) -> None:
    strays = [
        told(path, one)
        for path in python_files("backend", "collector", "common", "simulator")
        for one in imports_of(path)
        if is_in(one.module, library) and not is_in(module_of(path), *ROOMS_OF_LIBRARIES[library])
    ]

    assert strays == []


def test_a_handler_knows_services_and_no_tables() -> None:
    strays = [
        told(path, one)
        for path in python_files("backend")
        if path.parts[1] == "handlers"
        for one in imports_of(path)
        if is_in(one.module, "backend") and not is_in(one.module, *HANDLERS_MAY)
        if (module_of(path), one.module) not in HANDLERS_ALSO
    ]

    assert strays == []


def test_the_domain_could_be_done_on_paper() -> None:
    outside = [
        told(path, one)
        for path in python_files("backend")
        if path.parts[1] == "domain"
        for one in imports_of(path)
        if is_in(one.module, *LIBRARIES_WITH_IO)
        or (is_in(one.module, "backend", "tortoise", "sanic") and not is_in(one.module, *DOMAIN_MAY))
    ]

    assert outside == []

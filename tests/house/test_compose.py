"""docker-compose.yml, Dockerfile: a command is an entry point, a variable a setting, a check a route."""

import ast
import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from backend.cli import _parser
from backend.routing import Listener, load_handlers
from collector.settings import settings_from
from tests.house.source import ROOT
from tests.house.test_env_example import listed

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"].startswith("prewatt:")}
_URL = re.compile(r"https?://[^'\"\s]+")
_INTERPOLATED = re.compile(r"\$\{([A-Z0-9_]+)")


def instruction(name: str) -> list[str]:
    """Return the arguments of every line of the Dockerfile that begins with an instruction."""
    lines = [line.strip() for line in DOCKERFILE.splitlines()]
    return [line.partition(" ")[2].strip() for line in lines if line.startswith(f"{name} ")]


def health_checks() -> dict[str, str]:
    """Return the address that each of our health checks asks."""
    checks = {
        name: " ".join(one["healthcheck"]["test"])
        for name, one in OURS.items()
        if not one.get("healthcheck", {}).get("disable", False)
    }
    checks["Dockerfile"] = " ".join(instruction("HEALTHCHECK"))
    return {name: found.group() for name, text in checks.items() if (found := _URL.search(text))}


def commands() -> dict[str, list[str]]:
    started = {name: one["command"] for name, one in OURS.items()}
    (default,) = instruction("CMD")
    return {**started, "Dockerfile": ast.literal_eval(default)}


def port_of(name: str) -> int:
    return int(listed()[name].rpartition(":")[2])


@pytest.mark.parametrize("service", commands())
def test_a_command_is_an_entry_point(service: str) -> None:
    program, *arguments = commands()[service]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert program in project["scripts"]
    assert _parser().parse_args(arguments).command == arguments[0]


def test_every_process_of_the_product_is_started() -> None:
    started = {" ".join(command) for command in commands().values()}

    assert {"prewatt serve", "prewatt worker", "prewatt collector", "prewatt migrate"} <= started


@pytest.mark.parametrize("service", OURS)
def test_a_variable_is_a_known_setting(service: str) -> None:
    assert set(OURS[service].get("environment", {})) - set(listed()) == set()


def test_what_compose_fills_in_stands_in_the_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    assert set(_INTERPOLATED.findall(text)) - set(listed()) == set()


def test_the_database_password_is_the_same_in_both_places() -> None:
    url = urlsplit(listed()["PREWATT_DATABASE_URL"])
    mariadb = COMPOSE["services"]["mariadb"]["environment"]

    assert url.password == listed()["MARIADB_PASSWORD"]
    assert (url.hostname, url.username, url.path) == (
        "mariadb", mariadb["MARIADB_USER"], f"/{mariadb['MARIADB_DATABASE']}",
    )  # fmt: skip


@pytest.mark.parametrize("service", ["backend", "Dockerfile"])
def test_a_health_check_is_a_route_of_its_listener(service: str) -> None:
    url = urlsplit(health_checks()[service])
    listeners = {one.path: one.listener for one in load_handlers() if one.method == "GET"}

    assert url.port == port_of("PREWATT_PRIVATE_LISTEN")
    assert listeners[url.path] in (Listener.PRIVATE, Listener.BOTH)


def test_no_other_health_check_of_ours_asks_an_address() -> None:
    assert set(health_checks()) == {"backend", "Dockerfile"}


def test_a_service_waits_for_services_that_are_there() -> None:
    wanted = {name for one in COMPOSE["services"].values() for name in one.get("depends_on", {})}

    assert wanted - set(COMPOSE["services"]) == set()


def test_a_volume_is_declared() -> None:
    mounted = {
        str(mount).partition(":")[0]
        for one in COMPOSE["services"].values()
        for mount in one.get("volumes", [])
        if not str(mount).startswith((".", "/"))
    }

    assert mounted == set(COMPOSE["volumes"])


def test_the_private_listener_is_published_on_loopback_alone() -> None:
    private = port_of("PREWATT_PRIVATE_LISTEN")
    published = [str(port) for port in COMPOSE["services"]["backend"]["ports"] if str(private) in str(port)]

    assert published == [f"127.0.0.1:{private}:{private}"]


def test_the_collector_may_speak_plainly_where_it_stands() -> None:
    collector = COMPOSE["services"]["collector"]
    environ = {name: listed()[name] for name in collector["environment"]}
    filled = {**environ, "PREWATT_COLLECTOR_ID": "mall", "PREWATT_COLLECTOR_TOKEN": "t" * 40}

    assert collector["network_mode"] == "service:backend"
    assert settings_from({**filled, "PREWATT_COLLECTOR_SPOOL": ":memory:"}).url.startswith(
        "http://127.0.0.1:"
    )


def test_the_collector_gets_no_secret_of_the_backend() -> None:
    collector = COMPOSE["services"]["collector"]

    assert (collector["env_file"], [mount for mount in collector["volumes"] if "secrets" in mount]) == (
        [],
        [],
    )


def test_the_simulators_start_only_when_asked_for() -> None:
    with_simulators = {name for name, one in COMPOSE["services"].items() if "demo" in one.get("command", [])}

    assert {name: COMPOSE["services"][name].get("profiles") for name in with_simulators} == {"demo": ["demo"]}


def test_the_image_copies_what_is_there() -> None:
    sources = [source for line in instruction("COPY") if "--from" not in line for source in line.split()[:-1]]

    assert sources and [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_holds_every_package_of_the_wheel() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    copied = {source for line in instruction("COPY") if "--from" not in line for source in line.split()[:-1]}

    assert set(wheel["targets"]["wheel"]["packages"]) <= copied


def test_the_image_opens_the_listeners_of_the_example() -> None:
    (ports,) = instruction("EXPOSE")

    assert {int(port) for port in ports.split()} == {
        port_of("PREWATT_PUBLIC_LISTEN"), port_of("PREWATT_PRIVATE_LISTEN"),
    }  # fmt: skip


def test_the_image_runs_as_nobody_special() -> None:
    assert instruction("USER") == ["prewatt"]

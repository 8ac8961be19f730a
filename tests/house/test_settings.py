"""A wrong setting ends every program with 2 and one sentence that names the variable."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from backend.errors import ConfigError
from backend.settings import load_settings
from tests.house.environ import collector_environ, demo_environ, live_environ
from tests.house.source import ROOT

STARTED_WITHIN_S = 30

NEEDED = (
    "DATABASE_URL", "PUBLIC_URL", "LEDGER_KEY_FILE", "SECRET_KEY_FILE", "WECHATPAY_MCHID", "WECHATPAY_APPID",
    "WECHATPAY_MERCHANT_SERIAL", "WECHATPAY_MERCHANT_KEY_FILE", "WECHATPAY_APIV3_KEY",
    "WECHATPAY_VERIFY_KEYS", "WECHATPAY_NOTIFY_URL", "WECHAT_APPID", "WECHAT_SECRET", "WECHAT_TOKEN",
    "WECHAT_MP_SECRET", "WECHAT_MP_TOKEN", "SMS_SECRET_KEY", "SMS_APP_ID", "SMS_SIGN_NAME",
    "SMS_RECEIPT_TOKEN",
)  # fmt: skip
WRONG = {
    "DATABASE_URL": "postgres://db.example/prewatt",
    "REDIS_URL": "http://cache.example",
    "PUBLIC_URL": "power.example.cn",
    "PUBLIC_LISTEN": "8000",
    "PRIVATE_LISTEN": "127.0.0.1:70000",
    "LEDGER_KEY_FILE": "/nowhere/ledger_key",
    "SECRET_KEY_FILE": "/nowhere/secret_key",
    "WORKERS": "many",
    "TRUSTED_PROXIES": "10.0.0.0/8,proxy",
    "WECHATPAY_BASE_URL": "ftp://api.mch.weixin.qq.com",
    "WECHATPAY_MERCHANT_KEY_FILE": "/nowhere/apiclient_key.pem",
    "WECHATPAY_APIV3_KEY": "too short",
    "WECHATPAY_VERIFY_KEYS": "PUB_KEY_ID_1=/nowhere/key.pem",
    "WECHATPAY_NOTIFY_URL": "/api/v1/callbacks/wechat-pay",
    "WECHAT_API_BASE_URL": "api.weixin.qq.com",
    "WECHAT_AES_KEY": "short",
    "WECHAT_TEMPLATES": "LOW",
    "WECHAT_MP_AES_KEY": "short",
    "WECHAT_MP_TEMPLATES": "LOW",
    "SMS_SCHEME": "gopher",
    "SMS_TEMPLATES": "LOW",
}
FORBIDDEN_IN_PRODUCTION = {
    "WECHATPAY_BASE_URL": "http://127.0.0.1:8102",
    "WECHATPAY_NOTIFY_URL": "http://localhost:8100/api/v1/callbacks/wechat-pay",
    "WECHAT_API_BASE_URL": "http://api.localhost",
    "SMS_ENDPOINT": "[::1]:8104",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the simulated world's keys, made once."""
    return tmp_path_factory.mktemp("settings")


def check(environ: Mapping[str, str], name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ)

    assert is_one_sentence(str(caught.value), name)


def is_one_sentence(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None and "\n" not in text.strip() and len(text) < 300


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_setting_is_named(name: str, world: Path) -> None:
    check({**live_environ(world), f"PREWATT_{name}": ""}, f"PREWATT_{name}")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_named(name: str, world: Path) -> None:
    check({**live_environ(world), f"PREWATT_{name}": WRONG[name]}, f"PREWATT_{name}")


@pytest.mark.parametrize("name", FORBIDDEN_IN_PRODUCTION)
def test_production_refuses_an_address_of_this_machine(name: str, world: Path) -> None:
    check({**live_environ(world), f"PREWATT_{name}": FORBIDDEN_IN_PRODUCTION[name]}, f"PREWATT_{name}")


def test_a_demo_stays_on_loopback(world: Path) -> None:
    check({**demo_environ(world), "PREWATT_PRIVATE_LISTEN": "0.0.0.0:8001"}, "PREWATT_PRIVATE_LISTEN")


def test_a_short_key_is_named(world: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"short")

    check({**live_environ(world), "PREWATT_LEDGER_KEY_FILE": str(key)}, "PREWATT_LEDGER_KEY_FILE")


def test_a_complete_environment_is_taken(world: Path) -> None:
    assert load_settings(live_environ(world)).demo is False


def last_line(ended: "subprocess.CompletedProcess[str]") -> str:
    """Return what a person reads last; log lines may stand before it, a traceback may not."""
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.stderr.strip().splitlines()[-1]


def started(command: str, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the real program with nothing else of ours in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREWATT_")}
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", command],
        cwd=ROOT,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=STARTED_WITHIN_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREWATT_DATABASE_URL", ""),
        ("PREWATT_WORKERS", "2"),  # Not on SQLite.
        ("PREWATT_WECHAT_TEMPLATES", "MAYBE=template"),
        ("PREWATT_WECHATPAY_APIV3_KEY", "too short"),
    ],
)
def test_serve_ends_with_2_and_a_sentence(name: str, value: str, world: Path) -> None:
    ended = started("serve", {**demo_environ(world), name: value})

    assert (ended.returncode, is_one_sentence(last_line(ended), name)) == (2, True), ended.stderr


def test_serve_says_which_address_is_taken(world: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = started("serve", {**demo_environ(world), "PREWATT_PUBLIC_LISTEN": address})

    assert (ended.returncode, is_one_sentence(last_line(ended), address)) == (2, True), ended.stderr


def test_the_collector_ends_with_2_and_a_sentence(world: Path) -> None:
    environ = {**collector_environ(world), "PREWATT_COLLECTOR_URL": "http://backend.example:8001"}

    ended = started("collector", environ)

    named = is_one_sentence(last_line(ended), "PREWATT_COLLECTOR_URL")
    assert (ended.returncode, named) == (2, True), ended.stderr

"""Settings: complete and safe, or one sentence naming the variable."""

from pathlib import Path

import pytest

from collector.main import run_collector
from collector.settings import CollectorConfigError, settings_from

GOOD = {
    "PREWATT_COLLECTOR_URL": "https://prewatt.mall.example:8443/",
    "PREWATT_COLLECTOR_ID": "c1",
    "PREWATT_COLLECTOR_TOKEN": "x" * 43,
    "PREWATT_COLLECTOR_SPOOL": ":memory:",
}


def test_good_settings_are_read() -> None:
    assert settings_from(GOOD).url == "https://prewatt.mall.example:8443"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_http_is_allowed_on_loopback(host: str) -> None:
    assert settings_from({**GOOD, "PREWATT_COLLECTOR_URL": f"http://{host}:8001"}).url.startswith("http://")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", ""),
        ("URL", "http://10.0.0.5:8001"),
        ("URL", "http://127.0.0.1.example"),
        ("URL", "ftp://127.0.0.1"),
        ("ID", " "),
        ("TOKEN", "short"),
        ("SPOOL", ""),
        ("SPOOL", "/nowhere/at/all/spool.db"),
        ("CA_FILE", "/nowhere/ca.pem"),
        ("PROFILES", "/nowhere/profiles"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(CollectorConfigError, match=f"PREWATT_COLLECTOR_{name}"):
        settings_from({**GOOD, f"PREWATT_COLLECTOR_{name}": value})


async def test_a_collector_without_settings_does_not_start() -> None:
    with pytest.raises(CollectorConfigError, match="PREWATT_COLLECTOR_URL"):
        await run_collector({})


def test_a_file_is_taken_as_authority(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("x", encoding="utf-8")

    assert settings_from({**GOOD, "PREWATT_COLLECTOR_CA_FILE": str(path)}).ca_file == path

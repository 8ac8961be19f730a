"""The collector's settings: five environment variables, read once (配置)."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

PREFIX = "PREWATT_COLLECTOR_"
MIN_TOKEN_CHARACTERS = 20


class CollectorConfigError(Exception):
    """A setting is missing or wrong: one sentence naming the variable."""


class CollectorSettings(Struct, frozen=True, kw_only=True):
    """All that a collector cannot learn from the backend.

    url:    the backend's private listener; https, http on loopback only.
    spool:  a file, or ":memory:" (simulations).
    The times are those of the link and change only in tests.
    """

    url: str
    collector_id: str
    token: str
    spool: str
    ca_file: Path | None = None
    profile_folders: tuple[Path, ...] = ()
    long_poll_s: float = 25.0
    flush_s: float = 1.0  # Routine readings are gathered so long.
    health_s: float = 15.0


def settings_from(environ: Mapping[str, str]) -> CollectorSettings:
    """Read the settings. Raises CollectorConfigError."""
    url = _needed(environ, "URL").rstrip("/")
    _check_url(url)
    token = _needed(environ, "TOKEN")
    if len(token) < MIN_TOKEN_CHARACTERS:
        raise CollectorConfigError(f"{PREFIX}TOKEN is shorter than {MIN_TOKEN_CHARACTERS} characters")
    spool = _needed(environ, "SPOOL")
    if spool != ":memory:" and not Path(spool).parent.is_dir():
        raise CollectorConfigError(f"{PREFIX}SPOOL: the folder {Path(spool).parent} does not exist")
    ca_text = environ.get(f"{PREFIX}CA_FILE", "")
    ca_file = Path(ca_text) if ca_text else None
    if ca_file is not None and not ca_file.is_file():
        raise CollectorConfigError(f"{PREFIX}CA_FILE: there is no file {ca_file}")
    folders = tuple(Path(p) for p in environ.get(f"{PREFIX}PROFILES", "").split(":") if p)
    missing = next((folder for folder in folders if not folder.is_dir()), None)
    if missing is not None:
        raise CollectorConfigError(f"{PREFIX}PROFILES: there is no folder {missing}")
    return CollectorSettings(
        url=url,
        collector_id=_needed(environ, "ID"),
        token=token,
        spool=spool,
        ca_file=ca_file,
        profile_folders=folders,
    )


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(PREFIX + name, "").strip()
    if not value:
        raise CollectorConfigError(f"{PREFIX}{name} is not set")
    return value


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CollectorConfigError(f"{PREFIX}URL is not an http(s) address: {url!r}")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise CollectorConfigError(f"{PREFIX}URL must be https: http is for loopback only")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

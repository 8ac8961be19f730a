"""Meter profiles: what a model's registers or data identifiers mean, as data files (表型档案).

A new model is a new file, no code; a site may add its own folder, which wins over the shipped one.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from collector import profile_dlt645, profile_modbus_check
from collector.profile_dlt645 import Dlt645Profile
from collector.profile_modbus import ModbusProfile

SHIPPED = Path(__file__).parent / "profiles"

Profile = ModbusProfile | Dlt645Profile


class ProfileError(ValueError):
    """A profile is missing or wrong; the text names the file and the row."""


def load_profile(name: str, folders: Sequence[Path] = ()) -> Profile:
    """Read and check a profile by name; a site's folders come before the shipped one.

    Raises ProfileError naming the file and what is wrong with it.
    """
    check_name(name)
    for folder in (*folders, SHIPPED):
        path = folder / f"{name}.toml"
        if path.is_file():
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise ProfileError(f"{path.name}: not UTF-8 text") from error
            return parse_profile(path.name, text)
    raise ProfileError(f"no profile {name}.toml in {len(folders) + 1} folder(s)")


def check_name(name: str) -> None:
    """Raise ProfileError for what is no name of a profile; it never leaves its folder."""
    if not name or any(c not in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in name):
        raise ProfileError(f"not a profile name: {name!r}")


def parse_profile(file: str, text: str) -> Profile:
    """Read a profile's text. Raises ProfileError."""
    try:
        profile: Profile = msgspec.convert(tomllib.loads(text), Profile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ProfileError(f"{file}: {error}") from error
    if isinstance(profile, ModbusProfile):
        problem = profile_modbus_check.problem(profile)
    else:
        problem = profile_dlt645.problem(profile)
    if problem is not None:
        raise ProfileError(f"{file}: {problem}")
    return profile

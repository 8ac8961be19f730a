"""The profiles in force (表型库): loaded by name, looked at again while the collector runs.

A site's own folder may gain, change and lose files at any time. A file that is wrong leaves the profile
before it in force, and is reported.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from collector.profile import SHIPPED, Profile, ProfileError, load_profile
from collector.profile_words import in_chinese

Signature = tuple[str, int, int]  # Path, time of change in ns, size.

log = structlog.get_logger()


class Shelf:
    """Profiles by name. `in_force` keeps its identity: lines hold it."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self.in_force: dict[str, Profile] = {}
        self._wrong: dict[str, str] = {}
        self._seen: dict[str, Signature | None] = {}  # Of the file last tried.
        self._shipped: dict[str, list[str]] = {}
        self._report: dict[str, tuple[Signature, list[str]]] = {}

    def use(self, name: str) -> bool:
        """Load a profile that somebody needs; returns whether there is one to go by."""
        if name not in self._seen:
            self._load(name, self._file(name))
        return name in self.in_force

    def look(self) -> set[str]:
        """Look at the files of all names in use again; return those whose profile is another one now."""
        changed = set()
        for name, seen in list(self._seen.items()):
            file = self._file(name)
            if file != seen and self._load(name, file):
                changed.add(name)
        return changed

    def problem(self, name: str) -> str | None:
        """Return what is wrong with a profile's file now, in force or not, as people read it."""
        return self._wrong.get(name)

    def report(self) -> dict[str, list[str]]:
        """Return every usable profile there is: name -> protocol, then its unconfirmed rows."""
        if not self._folders and self._shipped:
            return self._shipped  # They change with the program alone, and this is asked every 15 s.
        found: dict[str, list[str]] = {}
        for name in sorted(
            {path.stem for folder in (*self._folders, SHIPPED) for path in folder.glob("*.toml")}
        ):
            words = self._words(name)
            if words:
                found[name] = words
        self._shipped = found
        return found

    def _words(self, name: str) -> list[str]:
        file = self._file(name)
        if file is None:
            return []
        known = self._report.get(name)
        if known is None or known[0] != file:
            try:
                profile = load_profile(name, self._folders)
                words = _words_of(profile)
            except (ProfileError, OSError):
                kept = self.in_force.get(name)
                words = [] if kept is None else _words_of(kept)
            self._report[name] = known = file, words
        return known[1]

    def _load(self, name: str, file: Signature | None) -> bool:
        """Try the file as it is now; a wrong one changes nothing but what is reported."""
        self._seen[name] = file
        try:
            profile = load_profile(name, self._folders)
        except (ProfileError, OSError) as error:
            problem = str(error).removeprefix(f"{name}.toml: ")
            where = "" if problem == str(error) else f"{name}.toml："
            self._wrong[name] = where + in_chinese(problem)
            log.error("profile_unusable", profile=name, reason=str(error), kept=name in self.in_force)
            return False
        self._wrong.pop(name, None)
        if self.in_force.get(name) == profile:
            return False
        self.in_force[name] = profile
        log.info("profile_loaded", profile=name)
        return True

    def _file(self, name: str) -> Signature | None:
        for folder in (*self._folders, SHIPPED):
            path = folder / f"{name}.toml"
            try:
                found = path.stat()
            except OSError:
                continue
            return str(path), found.st_mtime_ns, found.st_size
        return None


def _words_of(profile: Profile) -> list[str]:
    return [msgspec.to_builtins(profile)["protocol"], *profile.unconfirmed()]

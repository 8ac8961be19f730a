"""Which meter models the site's collectors can read (表型). Known from what they report of themselves.

The backend holds no profiles: a site's own folder is beside its collector.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from backend.models.operations import Collector


class ModelView(Struct, frozen=True, kw_only=True):
    """A model as the collectors know it."""

    profile: str
    protocol: str  # "modbus" or "dlt645".
    unconfirmed: list[str]  # Rows that nobody has checked on a real meter yet.
    collectors: list[str]


async def list_models(site_id: int) -> list[ModelView] | None:
    """Return the models that the site's collectors report; None before any has."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    reported = False
    for collector in await Collector.filter(site_id=site_id).order_by("name"):
        if not collector.profiles:
            continue
        reported = True
        for name, words in msgspec.json.decode(collector.profiles, type=dict[str, list[str]]).items():
            _, names = found.setdefault(name, (words, []))
            names.append(collector.name)
    if not reported:
        return None
    return [
        ModelView(profile=name, protocol=words[0] if words else "", unconfirmed=words[1:], collectors=names)
        for name, (words, names) in sorted(found.items())
    ]


async def known_families(site_id: int) -> Mapping[str, str] | None:
    """Return name -> protocol family as services/site_rules.py takes it."""
    models = await list_models(site_id)
    return None if models is None else {one.profile: one.protocol for one in models}

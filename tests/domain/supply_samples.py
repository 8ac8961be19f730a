"""One shop in arrears whose trip is fair, and how a decision reads in one line."""

from datetime import datetime, timedelta
from typing import Any

from msgspec import structs

from backend.domain.supply import Episode, Policy, SupplyDecision, SupplyFacts
from common.clock import LOCAL_ZONE
from common.units import Fen

from .samples import at

NOW = at("2026-03-02 11:00")  # A Monday, between the windows.


def clock(text: str) -> datetime:
    """Read "10:31", "10:31:05" of that Monday, or "03-03 09:30" of another day."""
    return at(f"2026-{text}" if "-" in text else f"2026-03-02 {text}")


def episode(**changes: Any) -> Episode:
    """Warned at 10:00, received at 10:01: the delay ended at 10:31."""
    base = Episode(began_at=clock("10:00"), warned_at=clock("10:00"), proof_at=clock("10:01"))
    return structs.replace(base, **changes)


def facts(**changes: Any) -> SupplyFacts:
    """A trip that waits for nothing: 5 yuan short, proven notice, two fresh readings."""
    base = SupplyFacts(
        now=NOW,
        policy=Policy(),
        in_arrears=True,
        estimated_fen=Fen(-500),
        episode=episode(),
        read_ats=(clock("10:59:40"), clock("10:59:50")),
        debt_cap_fen=Fen(20_000),
    )
    return structs.replace(base, **changes)


def fresh(now: datetime, **changes: Any) -> SupplyFacts:
    """The same trip at another instant, with readings just before it."""
    readings = (now - timedelta(seconds=20), now - timedelta(seconds=10))
    return facts(**{"now": now, "read_ats": readings, **changes})


def line(decision: SupplyDecision) -> str:
    """Write a decision as one line: "ON: window, delay ? manager @ 03-03 09:30"."""
    text = "ON" if decision.on else "OFF"
    if decision.reasons:
        text += " " + "+".join(reason.value for reason in decision.reasons)
    if decision.holds:
        text += ": " + ", ".join(hold.value for hold in decision.holds)
    if decision.asks:
        text += " ? " + ", ".join(ask.value for ask in decision.asks)
    if decision.check_at is not None:
        text += decision.check_at.astimezone(LOCAL_ZONE).strftime(" @ %m-%d %H:%M:%S").removesuffix(":00")
    return text

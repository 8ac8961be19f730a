"""The supply decision (送电决定): shall one meter be on or off, why, and what has to happen first.

One function, `decide`. Reasons to be off are independent; money lifts arrears alone. An arrears trip is
fair only after proof of notice, a delay, outside of windows and on fresh, twice confirmed readings; none
of this binds the other reasons. Doubt never trips, and it never restores.
"""

from backend.domain.fairness import Waiting
from backend.domain.supply_terms import (
    Ask,
    Doubt,
    Episode,
    Hold,
    OpenOrder,
    Policy,
    Reason,
    SupplyDecision,
    SupplyFacts,
)
from backend.errors import Bug
from common.units import Fen

__all__ = [
    "Ask",
    "Doubt",
    "Episode",
    "Hold",
    "OpenOrder",
    "Policy",
    "Reason",
    "SupplyDecision",
    "SupplyFacts",
    "decide",
    "is_arrears",
]


def is_arrears(before: bool, estimated_fen: Fen | None, overdraft_fen: Fen, restore_level_fen: Fen) -> bool:
    """Apply the band (欠费带): begins at ≤ −overdraft, ends at the restore level, always above −overdraft.

    An unknown estimate changes nothing.
    """
    if estimated_fen is None:
        return before
    if estimated_fen <= -overdraft_fen:
        return True
    return before and estimated_fen < restore_level_fen  # Here it is above −overdraft, whatever the level.


def decide(facts: SupplyFacts) -> SupplyDecision:
    """Decide what one meter's relay shall be (送电决定).

    Off iff a non-money reason stands, or arrears stands without keep-supply and its trip was fair when
    it was ordered. A trip that was carried out ends by money or keep-supply alone.
    Raises Bug when arrears stand among the non-money reasons: money could never lift them.
    """
    if Reason.ARREARS in facts.off_reasons:
        raise Bug("arrears are decided from the balance, they are no row of their own")
    arrears = is_arrears(facts.in_arrears, facts.estimated_fen, facts.overdraft_fen, facts.restore_level_fen)
    reasons = [reason for reason in Reason if reason in facts.off_reasons]
    if not arrears:
        return SupplyDecision(on=not reasons, reasons=tuple(reasons), arrears=False)
    waiting = Waiting(facts)
    waiting.look()
    if waiting.stays_off or not waiting.holds:
        reasons.append(Reason.ARREARS)
        return SupplyDecision(on=False, reasons=tuple(reasons), arrears=True)
    return SupplyDecision(
        on=not reasons,
        reasons=tuple(reasons),
        arrears=True,
        holds=tuple(hold for hold in Hold if hold in waiting.holds),
        asks=tuple(ask for ask in Ask if ask in waiting.asks),
        check_at=waiting.check_at,
        confirm_due_at=waiting.confirm_due_at,
        held_order_no=waiting.held_order_no,
    )

"""The words of the supply decision (送电决定用语): its reasons, doubts, holds, asks, facts and answer."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from backend.domain.windows import Windows
from common.units import Fen


class Reason(StrEnum):
    """Why a meter is off."""

    SAFETY = "safety"
    STAFF = "staff"
    POWER_LIMIT = "power_limit"
    ARREARS = "arrears"


class Doubt(StrEnum):
    """What an arrears trip may not rest on while it is unknown."""

    NO_READING = "no_reading"
    QUARANTINE = "quarantine"  # A register waits for a person.
    METER_SILENT = "meter_silent"  # Another meter of the account, on whose energy the balance rests.
    COLLECTOR_AWAY = "collector_away"
    COLLECTOR_CLOCK = "collector_clock"  # Offset unknown or more than 5 s.
    PLATFORM_CLOCK = "platform_clock"  # Ours and the database's disagree by more than 5 s.
    PAYMENT = "payment"  # A payment that we cannot account for.


class Hold(StrEnum):
    """Why an arrears trip waits, in the order in which people read it."""

    KEEP_SUPPLY = "keep_supply"
    NOT_ARMED = "not_armed"
    DOUBT = "doubt"
    BAND = "band"  # Above −overdraft, not yet at the restore level: nothing changes.
    VETO = "veto"  # The manager said no.
    NOT_WARNED = "not_warned"
    NO_PROOF = "no_proof"
    DELAY = "delay"
    WINDOW = "window"
    SPREAD = "spread"  # After a window, trips are spread over minutes.
    OPEN_ORDER = "open_order"
    NOT_CONFIRMED = "not_confirmed"
    STALE = "stale"


class Ask(StrEnum):
    """What the caller has to set going."""

    LAST_WARNING = "last_warning"
    CALL_TENANT = "call_tenant"
    MANAGER = "manager"
    CONFIRMING_READ = "confirming_read"


class Policy(Struct, frozen=True):
    delay: timedelta = timedelta(minutes=30)
    windows: Windows = Windows(hours=((18 * 60, 9 * 60 + 30),), weekends=True)


class Episode(Struct, frozen=True):
    """One stretch of arrears (欠费过程), from its begin to its end."""

    began_at: datetime
    warned_at: datetime | None = None  # The last warning went out.
    proof_at: datetime | None = None  # One receipt on any channel, or a person's word.
    outage_ended_at: datetime | None = None  # We could not read or warn before this.
    not_before_at: datetime | None = None  # Last seen above −overdraft: confirm anew after it.
    order_holds: int = 0
    held_order_no: str = ""
    decided_at: datetime | None = None  # The manager's word over the debt cap, or a veto.
    decided_trip: bool | None = None


class OpenOrder(Struct, frozen=True):
    order_no: str
    made_at: datetime


class SupplyFacts(Struct, frozen=True, kw_only=True):
    """All that the decision rests on, for one meter of one account.

    off_reasons:   non-money reasons that stand.
    tripped:       the meter is ordered off for arrears now; trip_verified: and has proved it.
    in_arrears:    the state before, for the band.
    estimated_fen: None when it is unknown.
    read_ats:      instants of the newest accepted readings of this meter, oldest first.
    debt_cap_fen:  how far below −overdraft window and missing proof may wait; None: not known.
    """

    now: datetime
    policy: Policy
    off_reasons: frozenset[Reason] = frozenset()
    tripped: bool = False
    trip_verified: bool = False
    in_arrears: bool = False
    estimated_fen: Fen | None
    overdraft_fen: Fen = Fen(0)
    restore_level_fen: Fen = Fen(1_000)
    keep_supply_until_at: datetime | None = None
    armed: bool = True
    doubts: frozenset[Doubt] = frozenset()
    episode: Episode | None = None
    open_order: OpenOrder | None = None
    read_ats: tuple[datetime, ...] = ()
    debt_cap_fen: Fen | None = None
    spread: timedelta = timedelta()


class SupplyDecision(Struct, frozen=True, kw_only=True):
    """on: what the relay shall be. reasons: why off. holds: why an arrears trip waits.

    check_at: the next instant at which time alone may change the answer; None: only an event can.
    confirm_due_at: when the confirming read is wanted. held_order_no: the order that holds the trip
    when nothing else does: one of the two holds of its episode.
    """

    on: bool
    reasons: tuple[Reason, ...] = ()
    arrears: bool = False
    holds: tuple[Hold, ...] = ()
    asks: tuple[Ask, ...] = ()
    check_at: datetime | None = None
    confirm_due_at: datetime | None = None
    held_order_no: str | None = None

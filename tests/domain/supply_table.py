"""The supply decision as a table (送电决定表): what is different from a fair trip, and what follows.

Each row changes `facts()` of supply_samples (11:00 on a Monday, 5 yuan short, notice received at 10:01,
two fresh readings: the trip is fair) and says the decision in one line:
state, reasons, ": holds", "? asks", "@ next look".
"""

from datetime import date, timedelta
from typing import Any

from backend.domain.supply import Doubt, OpenOrder, Policy, Reason
from backend.domain.windows import Windows
from common.units import Fen

from .supply_samples import clock, episode

READ = "? confirming_read @ 03-02 11:01"
ORDER = OpenOrder("PW1", clock("10:55"))
NO_WINDOWS = Policy(windows=Windows())
HOLIDAY = Policy(windows=Windows(holidays=frozenset({date(2026, 3, 2)})))
ALWAYS = Policy(windows=Windows(hours=((0, 0),)))
UNPROVEN = episode(proof_at=None)
JUST_WARNED = episode(warned_at=clock("10:58"), proof_at=None)
UNWARNED = episode(warned_at=None, proof_at=None)
SAFETY, STAFF, LIMIT = (frozenset({item}) for item in (Reason.SAFETY, Reason.STAFF, Reason.POWER_LIMIT))
OVER = Fen(-20_000)

Row = tuple[str, dict[str, Any], str]

MONEY: list[Row] = [
    ("in credit", {"estimated_fen": 5_000, "in_arrears": False}, "ON"),
    ("one fen above zero, never in arrears", {"estimated_fen": 1, "in_arrears": False}, "ON"),
    ("exactly at zero begins arrears", {"estimated_fen": 0, "in_arrears": False}, "OFF arrears"),
    ("in arrears and all fair", {}, "OFF arrears"),
    ("in the band, not tripped", {"estimated_fen": 1}, "ON: band"),
    ("just under the restore level, not tripped", {"estimated_fen": 999}, "ON: band"),
    ("at the restore level", {"estimated_fen": 1_000}, "ON"),
    ("above the overdraft", {"estimated_fen": -499, "overdraft_fen": 500, "in_arrears": False}, "ON"),
    ("the overdraft is used up", {"overdraft_fen": 500, "in_arrears": False}, "OFF arrears"),
    ("overdraft, in the band below zero", {"estimated_fen": -499, "overdraft_fen": 500}, "ON: band"),
    (
        "a restore level below the overdraft still ends above it",
        {"estimated_fen": -499, "overdraft_fen": 500, "restore_level_fen": -900},
        "ON",
    ),
    ("estimate unknown, no arrears before", {"estimated_fen": None, "in_arrears": False}, "ON"),
    ("estimate unknown, arrears before", {"estimated_fen": None}, "ON: doubt @ 03-02 11:01"),
]

EXECUTED: list[Row] = [
    ("tripped, still short", {"tripped": True, "trip_verified": True}, "OFF arrears"),
    ("tripped, in the band", {"tripped": True, "trip_verified": True, "estimated_fen": 999}, "OFF arrears"),
    ("tripped, paid to the level", {"tripped": True, "trip_verified": True, "estimated_fen": 1_000}, "ON"),
    (
        "ordered, not executed, top-up lifts it into the band",
        {"tripped": True, "estimated_fen": 1},
        "ON: band",
    ),
    ("ordered, not executed, top-up too small", {"tripped": True, "estimated_fen": 0}, "OFF arrears"),
    ("tripped, readings now old", {"tripped": True, "read_ats": ()}, "OFF arrears"),
    (
        "tripped, the night window begins",
        {"tripped": True, "trip_verified": True, "now": clock("19:00")},
        "OFF arrears",
    ),
    (
        "tripped, the collector is away",
        {"tripped": True, "doubts": frozenset({Doubt.COLLECTOR_AWAY})},
        "OFF arrears",
    ),
    ("tripped, estimate unknown", {"tripped": True, "estimated_fen": None}, "OFF arrears"),
    ("tripped, then disarmed", {"tripped": True, "armed": False}, "OFF arrears"),
    ("tripped, an order is open", {"tripped": True, "open_order": ORDER}, "OFF arrears"),
    (
        "tripped, then kept",
        {"tripped": True, "trip_verified": True, "keep_supply_until_at": clock("20:00")},
        "ON: keep_supply @ 03-02 20:00",
    ),
]

OTHER_REASONS: list[Row] = [
    ("safety, in credit", {"off_reasons": SAFETY, "estimated_fen": 9_000, "in_arrears": False}, "OFF safety"),
    ("staff, in credit", {"off_reasons": STAFF, "estimated_fen": 9_000, "in_arrears": False}, "OFF staff"),
    ("over the power limit", {"off_reasons": LIMIT, "estimated_fen": 9_000}, "OFF power_limit"),
    (
        "safety at night ignores the window",
        {"off_reasons": SAFETY, "now": clock("23:00"), "estimated_fen": 9_000},
        "OFF safety",
    ),
    (
        "staff trip on a kept account",
        {"off_reasons": STAFF, "keep_supply_until_at": clock("20:00")},
        "OFF staff: keep_supply @ 03-02 20:00",
    ),
    (
        "power limit on stale data",
        {"off_reasons": LIMIT, "read_ats": (), "in_arrears": False, "estimated_fen": None},
        "OFF power_limit",
    ),
    ("staff trip and a fair arrears trip", {"off_reasons": STAFF}, "OFF staff+arrears"),
    (
        "paid, but the staff trip stands",
        {"off_reasons": STAFF, "tripped": True, "estimated_fen": 50_000},
        "OFF staff",
    ),
    ("staff trip, arrears still waiting", {"off_reasons": STAFF, "armed": False}, "OFF staff: not_armed"),
    (
        "every reason at once",
        {"off_reasons": SAFETY | STAFF | LIMIT},
        "OFF safety+staff+power_limit+arrears",
    ),
]

NOTICE: list[Row] = [
    ("no episode yet", {"episode": None}, "ON: not_warned ? last_warning @ 03-02 11:01"),
    ("not warned", {"episode": UNWARNED}, "ON: not_warned ? last_warning @ 03-02 11:01"),
    ("warned two minutes ago, no receipt", {"episode": JUST_WARNED}, "ON: no_proof @ 03-02 11:08"),
    ("no receipt within ten minutes", {"episode": UNPROVEN}, "ON: no_proof ? call_tenant"),
    (
        "no receipt, exactly ten minutes",
        {"episode": UNPROVEN, "now": clock("10:10")},
        "ON: no_proof ? call_tenant",
    ),
    ("received one minute ago", {"episode": episode(proof_at=clock("10:59"))}, "ON: delay @ 03-02 11:29"),
    ("the delay ends in a second", {"now": clock("10:30:59")}, "ON: delay @ 03-02 10:31"),
    ("a short delay", {"policy": Policy(delay=timedelta(minutes=1))}, "OFF arrears"),
    (
        "an outage ended five minutes ago",
        {"episode": episode(outage_ended_at=clock("10:55"))},
        "ON: delay @ 03-02 11:25",
    ),
    ("an outage long before the notice", {"episode": episode(outage_ended_at=clock("09:00"))}, "OFF arrears"),
    ("not armed", {"armed": False}, "ON: not_armed"),
    (
        "not armed and just warned",
        {"armed": False, "episode": JUST_WARNED},
        "ON: not_armed, no_proof @ 03-02 11:08",
    ),
]

WINDOWS: list[Row] = [
    ("one second before 18:00", {"now": clock("17:59:59")}, "OFF arrears"),
    ("at 18:00", {"now": clock("18:00")}, "ON: window @ 03-03 09:30"),
    ("in the night", {"now": clock("03-03 03:00")}, "ON: window @ 03-03 09:30"),
    ("at 09:30", {"now": clock("03-03 09:30")}, "OFF arrears"),
    ("Friday evening waits for Monday", {"now": clock("03-06 18:00")}, "ON: window @ 03-09 09:30"),
    ("Saturday noon", {"now": clock("03-07 12:00")}, "ON: window @ 03-09 09:30"),
    ("a holiday", {"policy": HOLIDAY}, "ON: window @ 03-03 00:00"),
    ("always in a window", {"policy": ALWAYS}, "ON: window"),
    ("no windows at night", {"policy": NO_WINDOWS, "now": clock("23:00")}, "OFF arrears"),
    (
        "its turn after the window is four minutes later",
        {"now": clock("18:00"), "spread": timedelta(minutes=4)},
        "ON: window @ 03-03 09:34",
    ),
    (
        "the window is over, its turn is not yet",
        {"now": clock("03-03 09:31"), "spread": timedelta(minutes=4)},
        "ON: spread @ 03-03 09:34",
    ),
    ("its turn has come", {"now": clock("03-03 09:34"), "spread": timedelta(minutes=4)}, "OFF arrears"),
]

CAP: list[Row] = [
    (
        "over the cap at night: the manager is asked",
        {"now": clock("22:00"), "estimated_fen": OVER},
        "ON: window ? manager @ 03-03 09:30",
    ),
    (
        "one fen under the cap",
        {"now": clock("22:00"), "estimated_fen": OVER + 1},
        "ON: window @ 03-03 09:30",
    ),
    (
        "over the cap without proof",
        {"episode": UNPROVEN, "estimated_fen": OVER},
        "ON: no_proof ? call_tenant, manager",
    ),
    (
        "over the cap, but never warned: it is warned first",
        {
            "episode": episode(warned_at=None, proof_at=None, decided_at=clock("10:50"), decided_trip=True),
            "estimated_fen": OVER,
        },
        "ON: not_warned ? last_warning @ 03-02 11:01",
    ),
    (
        "the manager decides to trip in the window",
        {
            "now": clock("22:00"),
            "estimated_fen": OVER,
            "episode": episode(decided_at=clock("21:00"), decided_trip=True),
        },
        "OFF arrears",
    ),
    (
        "the manager decides to trip without proof",
        {
            "estimated_fen": OVER,
            "episode": episode(proof_at=None, decided_at=clock("10:50"), decided_trip=True),
        },
        "OFF arrears",
    ),
    (
        "decided, but a part was paid since: under the cap the window holds again",
        {"now": clock("22:00"), "episode": episode(decided_at=clock("21:00"), decided_trip=True)},
        "ON: window @ 03-03 09:30",
    ),
    (
        "decided, but readings from before the decision confirm nothing",
        {
            "estimated_fen": OVER,
            "episode": episode(proof_at=None, decided_at=clock("10:59:55"), decided_trip=True),
        },
        "ON: not_confirmed ? confirming_read @ 03-02 11:01",
    ),
    (
        "decided to trip, but a doubt came",
        {
            "estimated_fen": OVER,
            "doubts": frozenset({Doubt.QUARANTINE}),
            "episode": episode(decided_at=clock("10:40"), decided_trip=True),
        },
        "ON: doubt @ 03-02 11:01",
    ),
    ("a veto", {"episode": episode(decided_at=clock("10:40"), decided_trip=False)}, "ON: veto"),
    (
        "cap not known",
        {"now": clock("22:00"), "estimated_fen": OVER, "debt_cap_fen": None},
        "ON: window @ 03-03 09:30",
    ),
    ("no use, so no cap", {"now": clock("22:00"), "debt_cap_fen": 0}, "ON: window @ 03-03 09:30"),
    ("over the cap, nothing to wait for", {"estimated_fen": OVER}, "OFF arrears"),
]

CONFIRMING: list[Row] = [
    ("no reading after the delay", {"read_ats": ()}, f"ON: not_confirmed {READ}"),
    ("one reading", {"read_ats": (clock("10:59:50"),)}, f"ON: not_confirmed {READ}"),
    (
        "two readings four seconds apart",
        {"read_ats": (clock("10:59:46"), clock("10:59:50"))},
        f"ON: not_confirmed {READ}",
    ),
    ("two readings five seconds apart", {"read_ats": (clock("10:59:45"), clock("10:59:50"))}, "OFF arrears"),
    (
        "one of the two is from within the delay",
        {"read_ats": (clock("10:30:59"), clock("10:59:50"))},
        f"ON: not_confirmed {READ}",
    ),
    ("the first came when the delay ended", {"read_ats": (clock("10:31"), clock("10:59:50"))}, "OFF arrears"),
    ("the newest is two minutes old", {"read_ats": (clock("10:57"), clock("10:58"))}, "OFF arrears"),
    (
        "the newest is older than two minutes",
        {"read_ats": (clock("10:57"), clock("10:57:59"))},
        f"ON: stale {READ}",
    ),
    (
        "it was above zero a minute ago: both readings must be newer",
        {"episode": episode(not_before_at=clock("10:59:45"))},
        f"ON: not_confirmed {READ}",
    ),
    ("it was above zero, confirmed since", {"episode": episode(not_before_at=clock("10:59"))}, "OFF arrears"),
    ("no read is asked for while the delay runs", {"now": clock("10:20")}, "ON: delay @ 03-02 10:31"),
]

ORDERS: list[Row] = [
    ("an order is five minutes old", {"open_order": ORDER}, "ON: open_order @ 03-02 11:05"),
    ("an order is ten minutes old", {"open_order": OpenOrder("PW1", clock("10:50"))}, "OFF arrears"),
    (
        "the second order of the episode",
        {"open_order": ORDER, "episode": episode(order_holds=1, held_order_no="PW0")},
        "ON: open_order @ 03-02 11:05",
    ),
    (
        "the same order goes on holding",
        {"open_order": ORDER, "episode": episode(order_holds=2, held_order_no="PW1")},
        "ON: open_order @ 03-02 11:05",
    ),
    (
        "a third order holds no more",
        {"open_order": ORDER, "episode": episode(order_holds=2, held_order_no="PW0")},
        "OFF arrears",
    ),
    (
        "an order in the delay",
        {"open_order": OpenOrder("PW1", clock("10:25")), "now": clock("10:30")},
        "ON: delay, open_order @ 03-02 10:31",
    ),
]

KEPT: list[Row] = [
    ("kept until tonight", {"keep_supply_until_at": clock("20:00")}, "ON: keep_supply @ 03-02 20:00"),
    ("kept until now", {"keep_supply_until_at": clock("11:00")}, "OFF arrears"),
    (
        "kept for one more second",
        {"keep_supply_until_at": clock("11:00:01")},
        "ON: keep_supply @ 03-02 11:00:01",
    ),
    (
        "kept, and the band, doubt and delay do not matter",
        {"keep_supply_until_at": clock("20:00"), "episode": None, "doubts": frozenset(Doubt)},
        "ON: keep_supply @ 03-02 20:00",
    ),
    (
        "kept over the cap, whatever the manager said",
        {
            "keep_supply_until_at": clock("20:00"),
            "estimated_fen": OVER,
            "episode": episode(decided_at=clock("10:40"), decided_trip=True),
        },
        "ON: keep_supply @ 03-02 20:00",
    ),
    (
        "the end of keep-supply in the night waits for the window",
        {"keep_supply_until_at": clock("20:00"), "now": clock("20:00")},
        "ON: window @ 03-03 09:30",
    ),
]

DOUBTS: list[Row] = [
    (f"doubt: {doubt.value}", {"doubts": frozenset({doubt})}, "ON: doubt @ 03-02 11:01") for doubt in Doubt
]
SEVERAL: list[Row] = [
    (
        "everything at once, in the order in which people read it",
        {
            "now": clock("03-07 12:00"),
            "armed": False,
            "doubts": frozenset({Doubt.QUARANTINE}),
            "episode": episode(proof_at=None, decided_at=clock("10:40"), decided_trip=False),
            "open_order": OpenOrder("PW1", clock("03-07 11:55")),
        },
        "ON: not_armed, doubt, veto, no_proof, window, open_order ? call_tenant @ 03-07 12:01",
    ),
    (
        "paid in full while in doubt",
        {"tripped": True, "trip_verified": True, "estimated_fen": 1_000, "doubts": frozenset(Doubt)},
        "ON",
    ),
    (
        "paid in full in the night, on old readings",
        {
            "tripped": True,
            "trip_verified": True,
            "estimated_fen": 1_000,
            "now": clock("23:00"),
            "read_ats": (),
        },
        "ON",
    ),
]

TABLE = [
    *MONEY,
    *EXECUTED,
    *OTHER_REASONS,
    *NOTICE,
    *WINDOWS,
    *CAP,
    *CONFIRMING,
    *ORDERS,
    *KEPT,
    *DOUBTS,
    *SEVERAL,
]

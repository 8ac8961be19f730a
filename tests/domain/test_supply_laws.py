"""The laws of supply (送电规律), on fair trips that were changed at random."""

from datetime import timedelta
from typing import Any

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from backend.domain.fairness import CONFIRM_APART, FRESH_FOR
from backend.domain.supply import Doubt, Hold, OpenOrder, Reason, SupplyFacts, decide
from backend.domain.windows import in_window
from common.units import Fen

from .supply_samples import NOW, clock, episode, fresh

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
INSTANTS = [
    NOW,
    clock("10:30"),
    clock("22:00"),
    clock("03-03 09:31"),
    clock("03-07 12:00"),
    clock("03-09 09:30"),
]

# Each pair changes one thing; times count back from now. A name with a dot changes the episode.
CHANGES: list[tuple[str, Any]] = [
    *(("now", at) for at in INSTANTS),
    *(("estimated_fen", fen) for fen in (-30_000, -20_000, -501, -500, 0, 1, 999, 1_000, None)),
    *(("off_reasons", frozenset({item})) for item in Reason if item is not Reason.ARREARS),
    *(("doubts", frozenset({item})) for item in Doubt),
    *(("read", ages) for ages in ((), (5,), (9, 5), (10, 5), (400, 130), (4_000, 10), (125, 120))),
    *(("kept", seconds) for seconds in (-60, 0, 60)),
    *(("order", minutes) for minutes in (1, 9, 10, 11)),
    *(("episode.proof_at", age) for age in (None, 20 * MINUTE, 30 * MINUTE, 30 * MINUTE + 7 * SECOND)),
    *(("episode.warned_at", age) for age in (None, 5 * MINUTE)),
    *(("episode.outage_ended_at", age) for age in (5 * MINUTE, 45 * MINUTE)),
    *(("episode.not_before_at", age) for age in (15 * SECOND, 45 * MINUTE)),
    *(("episode.decided_at", age) for age in (15 * SECOND, 45 * MINUTE)),
    *(("episode.decided_trip", word) for word in (True, True, False)),
    *(("episode.order_holds", count) for count in (1, 2)),
    ("episode", None),
    ("tripped", True),
    ("trip_verified", True),
    ("in_arrears", False),
    ("overdraft_fen", Fen(500)),
    ("armed", False),
    ("debt_cap_fen", None),
    ("spread", 4 * MINUTE),
]


def changed(changes: list[tuple[str, Any]]) -> SupplyFacts:
    """Apply changes to a trip that is fair at the time they name."""
    values = dict(changes)
    now = values.pop("now", NOW)
    parts = {name.removeprefix("episode."): values.pop(name) for name in list(values) if "episode." in name}
    ages = {"warned_at": 46 * MINUTE, "proof_at": 45 * MINUTE, **parts}
    if "episode" not in values:
        times = {key: now - age if isinstance(age, timedelta) else age for key, age in ages.items()}
        values["episode"] = episode(began_at=now - 60 * MINUTE, **times)
    if "read" in values:
        values["read_ats"] = tuple(now - age * SECOND for age in values.pop("read"))
    if "kept" in values:
        values["keep_supply_until_at"] = now + values.pop("kept") * SECOND
    if "order" in values:
        values["open_order"] = OpenOrder("PW1", now - values.pop("order") * MINUTE)
    return fresh(now, **values)


def supply_facts(*always: tuple[str, Any]) -> st.SearchStrategy[SupplyFacts]:
    """Draw four changes to a fair trip, or fewer; `always` is changed in any case."""
    nothing = [("spread", timedelta())] * len(CHANGES)  # Half of the draws: so that many trips stay fair.
    change = st.sampled_from([*CHANGES, *nothing])
    return st.tuples(change, change, change, change).map(lambda changes: changed([*changes, *always]))


law = settings(
    max_examples=60, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate, Phase.shrink]
)


def is_new_trip(facts: SupplyFacts) -> bool:
    """Tell whether the decision orders an arrears trip that was not ordered before."""
    return not facts.tripped and Reason.ARREARS in decide(facts).reasons


@law
@given(supply_facts())
def test_a_kept_supply_is_never_off_for_arrears(facts: SupplyFacts) -> None:
    kept = structs.replace(facts, keep_supply_until_at=facts.now + timedelta(seconds=1))

    assert Reason.ARREARS not in decide(kept).reasons


@law
@given(supply_facts())
def test_nobody_is_tripped_unwarned_or_without_proof_unless_the_manager_says_so(facts: SupplyFacts) -> None:
    assume(is_new_trip(facts))
    episode = facts.episode

    assert episode is not None and episode.warned_at is not None
    assert episode.proof_at is not None or episode.decided_trip is True


@law
@given(supply_facts())
def test_nobody_is_tripped_in_a_window_unless_the_manager_says_so(facts: SupplyFacts) -> None:
    assume(is_new_trip(facts))
    episode = facts.episode

    assert episode is not None
    assert episode.decided_trip is True or not in_window(facts.policy.windows, facts.now)


@law
@given(supply_facts())
def test_nobody_is_tripped_within_the_delay(facts: SupplyFacts) -> None:
    assume(is_new_trip(facts))
    episode = facts.episode

    assert episode is not None
    if episode.proof_at is not None:
        assert facts.now >= episode.proof_at + facts.policy.delay


@law
@given(supply_facts(("now", clock("22:00")), ("debt_cap_fen", Fen(400)), ("episode.decided_trip", True)))
def test_in_a_window_the_manager_may_trip_only_over_the_cap(facts: SupplyFacts) -> None:
    assume(is_new_trip(facts))

    assert in_window(facts.policy.windows, facts.now)
    assert facts.episode is not None and facts.episode.decided_trip is True
    assert facts.estimated_fen is not None and facts.debt_cap_fen is not None
    assert facts.estimated_fen <= -facts.overdraft_fen - facts.debt_cap_fen


@law
@given(supply_facts())
def test_an_unarmed_account_is_not_tripped(facts: SupplyFacts) -> None:
    assert not is_new_trip(structs.replace(facts, armed=False))


@law
@given(supply_facts())
def test_a_veto_holds(facts: SupplyFacts) -> None:
    assume(facts.episode is not None)
    assert facts.episode is not None
    vetoed = structs.replace(facts.episode, decided_trip=False)

    assert not is_new_trip(structs.replace(facts, episode=vetoed))


@law
@given(supply_facts())
def test_a_trip_rests_on_two_fresh_readings(facts: SupplyFacts) -> None:
    assume(is_new_trip(facts))

    assert facts.now - facts.read_ats[-1] <= FRESH_FOR
    assert facts.read_ats[-1] - facts.read_ats[0] >= CONFIRM_APART


@law
@given(supply_facts(), st.sampled_from(list(Doubt)))
def test_nobody_is_tripped_in_doubt(facts: SupplyFacts, doubt: Doubt) -> None:
    assert not is_new_trip(structs.replace(facts, doubts=frozenset({doubt})))
    assert not is_new_trip(structs.replace(facts, estimated_fen=None))


@law
@given(supply_facts(("tripped", True)), st.sampled_from(list(Doubt)))
def test_doubt_restores_nothing(facts: SupplyFacts, doubt: Doubt) -> None:
    assume(not decide(facts).on)

    assert not decide(structs.replace(facts, doubts=frozenset({doubt}), read_ats=())).on


@law
@given(supply_facts())
def test_money_lifts_arrears_and_nothing_else(facts: SupplyFacts) -> None:
    paid = decide(structs.replace(facts, estimated_fen=Fen(50_000)))

    assert frozenset(paid.reasons) == facts.off_reasons
    assert paid.on is (not facts.off_reasons)
    assert not paid.arrears


@law
@given(supply_facts())
def test_a_restore_waits_for_neither_time_nor_freshness_nor_certainty(facts: SupplyFacts) -> None:
    paid = structs.replace(
        facts, tripped=True, off_reasons=frozenset(), estimated_fen=Fen(1_000), doubts=frozenset(Doubt)
    )

    assert decide(structs.replace(paid, read_ats=(), episode=None)).on


@law
@given(supply_facts())
def test_a_reason_other_than_money_ignores_everything_about_money(facts: SupplyFacts) -> None:
    ordered = decide(structs.replace(facts, off_reasons=frozenset({Reason.SAFETY})))

    assert not ordered.on and ordered.reasons[0] is Reason.SAFETY


@law
@given(supply_facts())
def test_between_the_two_levels_nothing_changes(facts: SupplyFacts) -> None:
    """Whoever had power keeps it, whoever verifiably had none gets none."""
    band = structs.replace(
        facts,
        overdraft_fen=Fen(0),
        estimated_fen=Fen(500),
        off_reasons=frozenset(),
        keep_supply_until_at=None,
    )

    assert decide(band).arrears is facts.in_arrears
    assert decide(structs.replace(band, tripped=False)).on
    off = structs.replace(band, in_arrears=True, tripped=True, trip_verified=True)
    assert not decide(off).on


@law
@given(supply_facts())
def test_a_top_up_above_the_overdraft_cancels_a_trip_that_is_not_executed(facts: SupplyFacts) -> None:
    lifted = structs.replace(
        facts,
        tripped=True,
        trip_verified=False,
        off_reasons=frozenset(),
        estimated_fen=Fen(1 - facts.overdraft_fen),
    )

    assert decide(lifted).on


@law
@given(supply_facts())
def test_the_next_look_is_always_ahead(facts: SupplyFacts) -> None:
    decision = decide(facts)

    assert decision.check_at is None or decision.check_at > facts.now
    assert decision.confirm_due_at is None or decision.confirm_due_at >= facts.now


@law
@given(supply_facts())
def test_an_arrears_trip_that_waits_says_why(facts: SupplyFacts) -> None:
    decision = decide(facts)

    assert bool(decision.holds) is (decision.arrears and Reason.ARREARS not in decision.reasons)
    assert list(decision.holds) == [hold for hold in Hold if hold in decision.holds]


@law
@given(supply_facts())
def test_time_alone_changes_nothing_before_the_next_look(facts: SupplyFacts) -> None:
    """Whatever may come true by waiting is announced: no trip is missed for want of a look."""
    assume(not facts.tripped)
    before = decide(facts)
    # Freshness only gets worse with time, and an order's end is looked at with it.
    later = facts.now + timedelta(seconds=30)
    assume(before.on and (before.check_at is None or later < before.check_at))

    assert decide(structs.replace(facts, now=later)).on

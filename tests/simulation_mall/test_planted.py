"""Which faults a run plants: the same from a seed, and never two that could explain one another."""

from datetime import timedelta

import pytest

from common.clock import ManualClock
from simulator.days import BEGIN
from simulator.days_planted import LONGEST, SHORTEST, FaultKind, Planted, plan_faults
from simulator.mall import Mall


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "mixed"])
def mall(request: pytest.FixtureRequest) -> Mall:
    return Mall.build(1, ManualClock(BEGIN), mixed=request.param)


def gateways_of(mall: Mall, fault: Planted) -> set[str]:
    return {
        gateway.code
        for gateway in mall.gateways.values()
        for line in gateway.lines.values()
        for meter in line.meters.values()
        if meter.spec.serial in fault.serials
    }


def test_a_day_has_one_set(mall: Mall) -> None:
    faults = plan_faults(mall, BEGIN, 1, 1)
    count = {kind: sum(fault.kind is kind for fault in faults) for kind in FaultKind}

    assert count == {
        FaultKind.GATEWAY: 3,
        FaultKind.LINE: 1,
        FaultKind.DEAD: 10,
        FaultKind.WELDED: 1,
        FaultKind.CLOCK: 1,
    }
    lengths = {fault.end_at - fault.begin_at for fault in faults if fault.kind is FaultKind.GATEWAY}
    assert {SHORTEST, LONGEST} < lengths


def test_the_same_seed_plants_the_same(mall: Mall) -> None:
    assert plan_faults(mall, BEGIN, 2, 5) == plan_faults(mall, BEGIN, 2, 5)
    assert plan_faults(mall, BEGIN, 2, 5) != plan_faults(mall, BEGIN, 2, 6)


@pytest.mark.parametrize("seed", range(8))
def test_whoever_is_away_explains_no_other_fault(mall: Mall, seed: int) -> None:
    faults = plan_faults(mall, BEGIN, 1, seed)
    away = {gateway for fault in faults if fault.kind is FaultKind.GATEWAY for gateway in [fault.subject]}
    (line,) = (fault for fault in faults if fault.kind is FaultKind.LINE)

    for fault in faults:
        assert BEGIN <= fault.begin_at < fault.end_at <= BEGIN + timedelta(days=1)
        if fault.kind is not FaultKind.GATEWAY:
            assert not gateways_of(mall, fault) & away
        if fault.kind in (FaultKind.DEAD, FaultKind.WELDED, FaultKind.CLOCK):
            assert not fault.serials & line.serials


def test_the_long_outage_of_a_day_that_is_not_the_last_crosses_midnight(mall: Mall) -> None:
    faults = plan_faults(mall, BEGIN, 2, 3)
    midnight = BEGIN + timedelta(days=1)

    crossing = [fault for fault in faults if fault.begin_at < midnight < fault.end_at]
    assert [fault.kind for fault in crossing] == [FaultKind.GATEWAY]

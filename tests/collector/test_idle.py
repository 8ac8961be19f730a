"""A line with nothing to do sleeps until something is due, and hears at once that its connection went."""

from collections.abc import Callable

import pytest
from msgspec import structs

from collector.turn import Turn
from collector.work import Work
from tests.collector.site import Site, run_site
from tests.collector.test_broadcast import site_645


def rtu() -> Site:
    site = Site(3, poll_interval_s=600)
    site.plan_line = structs.replace(site.plan_line, poll_interval_s=600, electrical_interval_s=600)
    site.backend.plan = structs.replace(site.backend.plan, lines=[site.plan_line])
    return site


@pytest.mark.parametrize("make", [rtu, lambda: site_645(3)])
def test_an_idle_line_looks_around_once_a_minute(
    make: Callable[[], Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    choose = Work.choose

    def counted(self: Work, now_s: float) -> Turn | float:
        looks.append(now_s)
        return choose(self, now_s)

    monkeypatch.setattr(Work, "choose", counted)

    async def main() -> None:
        site = make()
        await site.start()
        await site.after(1_810)  # The day's values of new meters have come, too; no poll is due for a while.
        since_s = site.clock.monotonic()
        await site.after(130)
        assert len([at for at in looks if at > since_s]) <= 3
        await site.stop()

    run_site(main)


@pytest.mark.parametrize("make", [rtu, lambda: site_645(3)])
def test_an_idle_line_hears_at_once_that_its_connection_has_gone(make: Callable[[], Site]) -> None:
    async def main() -> None:
        site = make()
        collector = await site.start()
        await site.after(30)
        dials = site.dials
        await site.gateway.ports["L1"].drop()
        await site.after(0.1)
        assert not collector.line_health()[0].connected
        await site.after(1)
        assert site.dials == dials + 1
        assert collector.line_health()[0].connected
        await site.stop()

    run_site(main)

"""A collector that is started anew while a backlog is on its way: nothing lost, nothing out of order."""

from itertools import pairwise
from pathlib import Path

from msgspec import structs

from common.wire import ReadingKind
from tests.collector.site import Site, run_site

DOWN_S = 2 * 3_600.0  # Of six meters read every ten seconds: nine batches.


def test_a_restart_in_the_middle_of_a_backlog_keeps_epoch_numbers_and_order(tmp_path: Path) -> None:
    async def main() -> None:
        site = Site(6, spool=str(tmp_path / "spool.db"))
        await site.start()
        await site.after(60)
        site.backend.down = True
        began = site.clock.now()
        await site.after(DOWN_S)
        site.backend.lose_answers, before = 1, len(site.backend.reading_batches)
        site.backend.down = False
        while len(site.backend.reading_batches) < before + 4:
            await site.after(0.5)
        peeks = [reading for batch in site.backend.peeks for reading in batch.readings]
        assert {r.meter_id for r in peeks} == set(site.meters)
        assert all(r.kind is ReadingKind.PEEK for r in peeks)
        # What is shown first is new; what is charged first is old.
        assert (
            min(r.read_at for r in peeks)
            > site.clock.now().replace(microsecond=0) - (site.clock.now() - began) / 100
        )
        await site.stop()
        await site.start()
        await site.after(60)

        batches = site.backend.reading_batches
        assert len({batch.epoch for batch in batches}) == 1
        assert all(later.number - earlier.number in (0, 1) for earlier, later in pairwise(batches))
        for earlier, later in pairwise(batches):
            if earlier.number == later.number:
                assert structs.replace(earlier, sent_at=later.sent_at) == later
        once = {batch.number: batch.readings for batch in batches}
        for meter_id in site.meters:
            times = [r.read_at for readings in once.values() for r in readings if r.meter_id == meter_id]
            assert times == sorted(set(times))
            assert max(b - a for a, b in pairwise(times)).total_seconds() < 25
        await site.stop()

    run_site(main)

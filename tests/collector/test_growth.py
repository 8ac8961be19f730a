"""A plan and profiles that change while the collector runs: other lines and meters notice nothing."""

from itertools import pairwise
from pathlib import Path

from msgspec import structs

from common.streams import Streams
from common.wire import PlanLine, PlanMeter
from simulator.gateway import Gateway
from simulator.line import Line
from simulator.meter import DDSY1352, PREPAID, Meter, MeterSpec
from tests.collector.site import Site, run_site

MORE = 70
OWN = """
protocol = "modbus"
word_order = "high-first"
[quantities]
register_wh = {{ read = 3, at = 0x0000, type = "u32", step = {step} }}
"""


class GrowingSite(Site):
    """The site of the other tests, with a second gateway that is not in the plan yet."""

    def __init__(self) -> None:
        super().__init__(meters=5)
        specs = (
            MeterSpec(serial=f"9{n:011d}", unit=n, profile=DDSY1352, kind=PREPAID, load_class="restaurant")
            for n in range(1, MORE + 1)
        )
        self.second = Gateway("G2", "二号井", [Line("L2", self.clock, [Meter(one, "site") for one in specs])])
        self.first_dials = 0

    async def dial(self, host: str, port: int) -> Streams:
        if host == "10.0.0.2":
            return await self.second.ports["L2"].dial()
        self.first_dials += 1
        return await super().dial(host, port)

    def second_line(self) -> PlanLine:
        meters = [
            PlanMeter(meter_id=f"n{n}", unit=n, profile=DDSY1352, prepaid=False) for n in range(1, MORE + 1)
        ]
        return structs.replace(self.plan_line, line_id="L2", name="二号线", host="10.0.0.2", meters=meters)

    def replan(self, version: str, *lines: PlanLine) -> None:
        self.backend.plan = structs.replace(self.backend.plan, version=version, lines=list(lines))

    def widest_gap_s(self, meter_id: str, since: float) -> float:
        ats = [
            one.read_at.timestamp()
            for one in self.backend.readings
            if one.meter_id == meter_id and one.read_at.timestamp() >= since
        ]
        return max(after - before for before, after in pairwise(ats))


def test_seventy_meters_come_and_go_and_no_poll_elsewhere_is_lost() -> None:
    async def story() -> None:
        site = GrowingSite()
        await site.start()
        await site.after(120)
        began = site.clock.now().timestamp()
        before_s = max(site.widest_gap_s(name, 0) for name in site.meters)

        site.replan("v2", site.plan_line, site.second_line())
        await site.after(180)
        new = {one.meter_id for one in site.backend.readings if one.meter_id.startswith("n")}
        site.replan("v3", site.plan_line)
        await site.after(120)

        assert len(new) == MORE
        assert max(site.widest_gap_s(name, began) for name in site.meters) <= before_s + 0.5
        polls = [one for one in site.backend.readings if one.meter_id in site.meters]
        assert len([one for one in polls if one.read_at.timestamp() >= began]) >= 5 * 29  # 300 s, every 10 s.
        assert site.first_dials == 1
        late = [one for one in site.backend.readings if one.meter_id.startswith("n")][-1]
        assert (
            late.read_at.timestamp() < began + 180 + 70
        )  # The plan is looked at every minute, at the least.
        await site.stop()

    run_site(story)


def with_folder(site: Site, folder: Path) -> None:
    site.settings = structs.replace(site.settings, profile_folders=(folder,))
    meters = [structs.replace(meter, profile="maker-x") for meter in site.plan_line.meters[1:2]]
    line = structs.replace(site.plan_line, meters=[site.plan_line.meters[0], *meters])
    site.backend.plan = structs.replace(site.backend.plan, lines=[line])


def read_of(site: Site, meter_id: str) -> list[int]:
    return [one.register_wh for one in site.backend.readings if one.meter_id == meter_id]


def test_a_profile_file_that_appears_is_used_without_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(meters=2)
        with_folder(site, tmp_path)
        await site.start()
        await site.after(30)
        assert read_of(site, "m2") == []
        assert "maker-x.toml" in site.backend.health[-1].lines[0].unusable["m2"]

        (tmp_path / "maker-x.toml").write_text(OWN.format(step=10), encoding="utf-8")
        await site.after(30)

        assert read_of(site, "m2") and site.backend.health[-1].lines[0].unusable == {}
        assert site.backend.health[-1].profiles["maker-x"] == ["modbus"]
        assert site.dials == 1
        await site.stop()

    run_site(story)


def test_a_changed_file_holds_and_a_broken_one_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(meters=2)
        with_folder(site, tmp_path)
        file = tmp_path / "maker-x.toml"
        file.write_text(OWN.format(step=10), encoding="utf-8")
        await site.start()
        await site.after(30)
        first = read_of(site, "m2")[-1]

        file.write_text(OWN.format(step=1000), encoding="utf-8")
        await site.after(30)
        scaled = read_of(site, "m2")[-1]
        file.write_text("protocol = ", encoding="utf-8")
        await site.after(30)

        assert abs(scaled - 100 * first) <= 100 * 1_000
        assert read_of(site, "m2")[-1] >= scaled
        assert "maker-x.toml" in site.backend.health[-1].lines[0].unusable["m2"]
        assert "maker-x" in site.backend.health[-1].profiles
        assert len(read_of(site, "m1")) >= 8  # The meter beside it is read on.
        await site.stop()

    run_site(story)

"""A mall with two gateways: G1 with the lines L1 and L2, G2 with the line L3. Says what collectors report."""

from dataclasses import replace
from pathlib import Path

from backend.jobs.look_at_faults import run as look
from backend.models.meters import Meter
from backend.models.operations import Alarm, AlarmEvent, Collector
from backend.models.site import Line
from backend.services.collector_link import note_health
from backend.services.line_faults import note_collectors, note_faults
from backend.services.work import SiteWork
from common.wire import Health, LineHealth
from tests.services.mall import SmallMall, small_mall
from tests.services.site import meter_text, site_text

LINE = '[[shafts.gateways.lines]]\ncode = "{code}"\nport = {port}\nprotocol = "modbus-tcp"\n'
GATEWAY = '[[shafts.gateways]]\ncode = "G2"\nname = "2 号通讯管理机"\nhost = "127.0.0.2"\n'


def public_meter(serial: str, unit: int) -> str:
    return meter_text(serial, unit, f'place = "{serial} 照明"', kind="public")


class Shafts:
    """The mall, and what its collector says of it every 15 s."""

    def __init__(self, mall: SmallMall) -> None:
        self.mall = mall
        self.down: set[str] = set()
        self.cut: set[str] = set()
        self.silent: set[str] = set()  # Serials.
        self.offset_s = 0.0

    async def report(self) -> None:
        """Let the collector report once."""
        lines = []
        for line in await Line.all().order_by("id"):
            hanging = await Meter.filter(line_id=line.id, retired_at=None).order_by("id")
            is_dead = line.code in self.down | self.cut
            lines.append(
                LineHealth(
                    line_id=str(line.id),
                    connected=line.code not in self.down,
                    fault=line.code in self.cut,
                    silent_meters=[
                        str(meter.id) for meter in hanging if is_dead or meter.serial in self.silent
                    ],
                )
            )
        now = self.mall.clock.now()
        health = Health(sent_at=now, version="t", spool_backlog=0, clock_offset_s=self.offset_s, lines=lines)
        collector = await note_health(self.mall.as_collector, health)
        await note_faults(self.mall.as_collector, collector, lines)

    async def go_on(self, seconds: float = 60) -> None:
        """Let time pass: reports every 15 s, and the jobs that are due in between."""
        for _ in range(int(seconds // 15)):
            self.mall.clock.advance(15)
            await self.mall.runner.run_due()
            await self.report()

    async def be_away(self, seconds: float) -> None:
        """Let time pass without a word from the collector; somebody looks every 15 s."""
        for _ in range(int(seconds // 15)):
            self.mall.clock.advance(15)
            await note_collectors(self.mall.ctx)

    async def look(self) -> None:
        await look(self.mall.ctx, SiteWork(self.mall.site_id))

    async def roots(self) -> list[str]:
        """What stands and is explained by nothing else, by its kind and place."""
        found = await Alarm.filter(cleared_at=None, root_id=None).order_by("kind", "cause")
        return [f"{alarm.kind} {await name_of(alarm)}" for alarm in found]

    async def children(self) -> list[str]:
        found = await Alarm.filter(cleared_at=None, root_id__isnull=False).order_by("kind", "cause")
        return [f"{alarm.kind} {await name_of(alarm)}" for alarm in found]

    async def alarm(self, kind: str) -> Alarm:
        return await Alarm.get(kind=kind)

    async def steps(self, alarm: Alarm) -> list[str]:
        return [event.kind for event in await AlarmEvent.filter(alarm_id=alarm.id).order_by("id")]


async def name_of(alarm: Alarm) -> str:
    number = int(alarm.cause.partition(":")[2])
    if alarm.kind == "meter_silent":
        return (await Meter.get(id=number)).serial
    if alarm.kind.startswith("line_"):
        return (await Line.get(id=number)).code
    if alarm.kind.startswith("collector_"):
        return (await Collector.get(id=number)).name
    return ""


async def two_gateways(folder: Path) -> Shafts:
    more = LINE.format(code="L2", port=15021) + public_meter("P2", 1) + public_meter("P3", 2)
    more += GATEWAY + LINE.format(code="L3", port=15022) + public_meter("P4", 1) + public_meter("P5", 2)
    mall = await small_mall(folder, text=site_text(3, more=more))
    shafts = Shafts(replace(mall))
    await shafts.report()
    return shafts

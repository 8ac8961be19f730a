"""A run with planted faults, judged at its end (故障试验): part of `prewatt days N --faults`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from simulator.days_alarms import SUPPLY_WITHIN_S, judge_alarms, longest_dark_s, unfair_trips
from simulator.days_energy import wrong_energy
from simulator.days_planted import plan_faults, plant, plant_at_once
from simulator.laws import broken_laws
from simulator.whole import WholeMall

MUST_BE_ZERO = (
    "energy_wrong",
    "alarms_doubled",
    "alarms_missed",
    "alarms_late",
    "unfair_trips",
    "paid_off_over",
)
TOLD = 20  # Lines of each finding that are printed.


class FaultyDays:
    """The faults of one run."""

    def __init__(self, whole: WholeMall, begin_at: datetime, days: int, seed: int) -> None:
        self._whole = whole
        self.faults = plan_faults(whole.mall, begin_at, days, seed)
        plant_at_once(whole.mall, self.faults)

    async def plant(self) -> None:
        await plant(self._whole.ctx, self._whole.site_id, self._whole.mall, self.faults)

    async def broken_laws(self) -> list[str]:
        return await broken_laws(self._whole, self._is_faulty)

    async def figures(self, cycle_s: float) -> dict[str, Any]:
        """Judge, print what is wrong, and return the figures."""
        energy = await wrong_energy(self._whole, self.faults)
        alarms = await judge_alarms(self._whole, self.faults, cycle_s)
        unfair = await unfair_trips(self._whole)
        dark_s = await longest_dark_s(self._whole, self.faults)
        _tell("电量不符", energy)
        _tell("未告警", alarms.missed)
        _tell("告警迟", alarms.late)
        _tell("重复告警", alarms.doubled)
        _tell("无故障的告警", alarms.unexplained)
        _tell("不当断电", unfair)
        return {
            "energy_wrong": len(energy),
            "faults_planted": len(self.faults),
            "faults_alarmed": alarms.alarmed,
            "alarms_doubled": len(alarms.doubled),
            "alarms_missed": len(alarms.missed),
            "alarms_late": len(alarms.late),
            "alarms_unexplained": len(alarms.unexplained),
            "alarm_slowest_s": alarms.slowest_s,
            "unfair_trips": len(unfair),
            "paid_off_over_s": round(dark_s, 1),
            "paid_off_over": int(dark_s > SUPPLY_WITHIN_S),
            "faults": [
                {
                    "kind": fault.kind.value,
                    "subject": fault.subject,
                    "begin_at": fault.begin_at.isoformat(),
                    "end_at": fault.end_at.isoformat(),
                }
                for fault in self.faults
            ],
        }

    def _is_faulty(self, serial: str, from_at: datetime, to_at: datetime) -> bool:
        return any(fault.touches(serial, from_at, to_at) for fault in self.faults)


def _tell(what: str, found: Sequence[str]) -> None:
    for item in found[:TOLD]:
        print(f"{what}：{item}", flush=True)

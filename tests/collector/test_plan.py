"""The part of a plan that can be run: a fault in one line or meter leaves the others alone."""

from collector.plan import usable
from collector.shelf import Shelf
from common.wire import Plan, PlanLine, PlanMeter


def meter(meter_id: str, profile: str = "acrel-ddsy1352", **more: object) -> PlanMeter:
    return PlanMeter(meter_id=meter_id, unit=1, profile=profile, prepaid=True, **more)  # type: ignore[arg-type]


def line(line_id: str, protocol: str, *meters: PlanMeter, port: int = 502) -> PlanLine:
    return PlanLine(
        line_id=line_id, name=line_id, protocol=protocol, host="10.0.0.1", port=port, meters=list(meters)
    )


def run(*lines: PlanLine) -> dict[str, list[str]]:
    plan = usable(Plan(version="v1", site_id="S1", lines=list(lines)), Shelf(()))
    return {one.line_id: [m.meter_id for m in one.meters] for one in plan.lines}


def test_lines_of_one_port_are_run_together_only_where_answers_can_be_told_apart() -> None:
    assert run(
        line("A", "modbus-tcp"),
        line("B", "modbus-tcp"),
        line("C", "rtu-tcp"),
        line("D", "rtu-tcp", port=503),
        line("E", "dlt645-tcp", port=503),
        line("F", "carrier-pigeon", port=504),
    ) == {"A": [], "B": [], "D": []}


def test_a_meter_that_its_line_cannot_ask_is_left_out() -> None:
    good = meter("good", "dlt645-2007-1p", address="000000000012")
    assert run(
        line(
            "A",
            "dlt645-tcp",
            good,
            meter("no address", "dlt645-2007-1p"),
            meter("letters", "dlt645-2007-1p", address="00000000001A"),
            meter("password", "dlt645-2007-1p", address="000000000013", control_password="02"),
            meter("other protocol"),
        ),
        line(
            "B", "rtu-tcp", meter("modbus"), meter("dlt", "dlt645-2007-1p", address="000000000012"), port=503
        ),
    ) == {"A": ["good"], "B": ["modbus"]}

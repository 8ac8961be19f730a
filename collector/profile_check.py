"""`prewatt profile check`: what a profile reads and orders, or what is wrong with it (档案校验)."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from collector.layout import Layout, layout_of
from collector.link_time import LineTime
from collector.profile import Profile, ProfileError, check_name, parse_profile
from collector.profile_modbus import ModbusProfile
from collector.profile_words import NAMES, in_chinese
from collector.protocols import dlt645, modbus, rtu
from collector.requests import Request
from collector.values import Part
from common.wire import PlanLine, Relay

UNIT, ADDRESS = 1, "000000000001"
SPEEDS = ((9600, "N"), (2400, "E"))
PARTS = {
    Part.MONEY: "每轮抄读（计费与断送电依据）",
    Part.ELECTRICAL: "电气量（间隔较长）",
    Part.DAILY: "每天一次",
}
ORDERS = {Relay.OFF: "断电", Relay.ON: "送电", Relay.PERMITTED: "合闸允许"}


def check_profiles(files: Sequence[Path], write: Callable[[str], object] = print) -> int:
    """Check profile files and say what they do. Returns the exit code: 0 all good, 2 one is wrong."""
    code = 0
    for file in files:
        try:
            check_name(file.stem)
            profile = parse_profile(file.name, file.read_text(encoding="utf-8"))
        except ProfileError as error:
            write(f"{file}：有误\n  {in_chinese(str(error).removeprefix(f'{file.name}: '))}")
            code = 2
        except (OSError, UnicodeDecodeError) as error:
            write(f"{file}：无法读取（{error}）")
            code = 2
        else:
            write("\n".join(_described(file, profile)))
    return code


def _described(file: Path, profile: Profile) -> Iterator[str]:
    is_modbus = isinstance(profile, ModbusProfile)
    yield f"{file}：可用（{'Modbus' if is_modbus else 'DL/T 645-2007'}）"
    yield "  抄读项：" + "、".join(NAMES[name] for name, _ in profile.quantities.all())
    layout = layout_of(profile)
    yield from _requests(layout, "")
    if isinstance(profile, ModbusProfile) and profile.status is not None:
        yield from _requests(layout_of(profile, 0), "；状态块地址已知时，以 0x0000 为例")
    yield from _orders(layout)
    unconfirmed = profile.unconfirmed()
    if unconfirmed:
        yield "  未经第二来源证实，须在实表上核对："
        yield from (f"    {_name(row)}（{row}）" for row in unconfirmed)


def _requests(layout: Layout, note: str) -> Iterator[str]:
    """List the requests of each part with the line time that they take."""
    times = [_line_time(layout, baud, parity) for baud, parity in SPEEDS]
    for part, title in PARTS.items():
        requests = layout.parts[part]
        if not requests:
            continue
        yield f"  {title}{note}：{len(requests)} 次请求，{_took(times, requests)}"
        yield from (f"    {_shown(request)}  {_took(times, [request])}" for request in requests)


def _orders(layout: Layout) -> Iterator[str]:
    found = [(name, layout.order(relay)) for relay, name in ORDERS.items()]
    found.append(("保电解除", layout.release))
    frames = [(name, order) for name, order in found if order is not None]
    if not frames:
        yield "  无继电器控制（不能用作预付费表）"
        return
    whose = "地址 01" if isinstance(layout.profile, ModbusProfile) else f"表号 {ADDRESS}，密码 02 级 000000"
    yield f"  继电器指令帧（{whose}）："
    yield from (f"    {name}  {_frame(order)}" for name, order in frames)
    proof = layout.contact or layout.forced
    yield f"    回读  {_shown(proof)}" if proof is not None else "    无法回读"


def _line_time(layout: Layout, baud: int, parity: str) -> LineTime:
    protocol = "rtu-tcp" if isinstance(layout.profile, ModbusProfile) else "dlt645-tcp"
    return LineTime(
        PlanLine(line_id="", name="", protocol=protocol, host="", port=0, baud=baud, parity=parity)
    )


def _took(times: Sequence[LineTime], requests: Sequence[Request]) -> str:
    shown = [
        f"{baud} 波特 {sum(time.transaction_s(request) for request in requests) * 1000:.0f} ms"
        for time, (baud, _) in zip(times, SPEEDS, strict=True)
    ]
    return " / ".join(shown)


def _shown(request: Request) -> str:
    if isinstance(request, modbus.Read):
        return f"功能码 {request.function:02d}，0x{request.at:04X} 起 {request.count} 个寄存器"
    if isinstance(request, dlt645.Read):
        return f"标识 {request.identifier:08X}，{request.size} 字节"
    return _frame(request)


def _frame(request: Request) -> str:
    if isinstance(request, modbus.Read | modbus.Write):
        return rtu.encode(UNIT, modbus.encode(request)).hex(" ").upper()
    return dlt645.encode(ADDRESS, request).hex(" ").upper()


def _name(row: str) -> str:
    return NAMES.get(row) or NAMES.get(row.rpartition(".")[2], row)


if __name__ == "__main__":
    sys.exit(check_profiles([Path(name) for name in sys.argv[1:]]))

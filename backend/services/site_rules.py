"""What lines and meters of one site must keep to (布线规则): for the site file and for changes while running.

Errors are Chinese sentences by field name; an empty mapping is right.
"""

from collections.abc import Mapping

from msgspec import Struct

SERIAL = frozenset({"rtu-serial", "dlt645-serial"})
DLT645 = frozenset({"dlt645-tcp", "dlt645-serial"})
_BROADCAST = "999999999999"

Problems = dict[str, str]


class Wire(Struct, frozen=True, kw_only=True):
    """How a line is reached. host: its gateway's; of a serial line the machine that has the device."""

    code: str
    protocol: str
    host: str
    port: int = 0
    device: str = ""

    @property
    def end(self) -> tuple[str, object]:
        """Return what two lines may not both own."""
        return self.host, self.device if self.protocol in SERIAL else self.port


class Hung(Struct, frozen=True, kw_only=True):
    """How a meter hangs on its line."""

    serial: str
    unit: int
    address: str = ""
    profile: str = ""


class Wiring:
    """The lines and meters of a site so far; each one added is checked against those before.

    profiles: models that the collectors can read, name -> protocol family; None: not known yet.
    """

    def __init__(self, profiles: Mapping[str, str] | None = None) -> None:
        self._profiles = profiles
        self._ends: dict[tuple[str, object], Wire] = {}
        self._units: dict[tuple[str, object, int], str] = {}
        self._addresses: dict[tuple[str, str], str] = {}

    def add_line(self, wire: Wire) -> Problems:
        problems = _line_problems(wire)
        if problems:
            return problems
        other = self._ends.setdefault(wire.end, wire)
        if other is wire or wire.protocol == other.protocol == "modbus-tcp":
            return {}  # Several serial ports of a gateway may share one Modbus TCP socket.
        if wire.protocol in SERIAL:
            return {"device": f"串口 {wire.device} 已用于总线 {other.code}"}
        return {"port": f"端口 {wire.port} 已用于总线 {other.code}"}

    def add_meter(self, wire: Wire, meter: Hung) -> Problems:
        problems = self._model_problems(wire, meter)
        taken = self._units.setdefault((*wire.end, meter.unit), meter.serial)
        if taken != meter.serial:
            problems["unit"] = f"同一总线上地址 {meter.unit} 重复，已用于表 {taken}"
        if wire.protocol in DLT645:
            if not meter.address or meter.address == _BROADCAST:
                problems["address"] = "DL/T 645 电表须填写 12 位通信地址"
            taken = self._addresses.setdefault((wire.code, meter.address), meter.serial)
            if taken != meter.serial and "address" not in problems:
                problems["address"] = f"同一总线上通信地址 {meter.address} 重复，已用于表 {taken}"
        return problems

    def _model_problems(self, wire: Wire, meter: Hung) -> Problems:
        if self._profiles is None:
            return {}
        family = self._profiles.get(meter.profile)
        if family is None:
            return {"profile": f"采集服务没有型号 {meter.profile}"}
        wanted = "dlt645" if wire.protocol in DLT645 else "modbus"
        if family and family != wanted:
            return {"profile": f"型号 {meter.profile} 不能用于 {wire.protocol} 总线"}
        return {}


def _line_problems(wire: Wire) -> Problems:
    if wire.protocol in SERIAL:
        if not wire.device:
            return {"device": "串口总线须填写串口设备，如 /dev/ttyUSB0"}
        return {"port": "串口总线没有端口号"} if wire.port else {}
    if not wire.port:
        return {"port": "请填写端口号（1 至 65535）"}
    return {"device": "只有串口总线才有串口设备"} if wire.device else {}

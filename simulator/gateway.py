"""The gateway of a shaft: serial lines inside, TCP ports outside (通讯管理机).

Modbus TCP: a port asks the meters by RTU and answers with the transaction's number; one port may serve
several lines, told apart by the unit. Transparent: a port passes the bytes of one line on as they are.
"""

import asyncio
import struct
from collections.abc import Coroutine
from typing import Any

from common.streams import Writer
from simulator import modbus
from simulator.dlt645 import Dlt645Wire
from simulator.line import DLT645_TCP, MODBUS_TCP, RTU_TCP, Line, Wire
from simulator.port import Port
from simulator.rtu import RtuWire
from simulator.wire_faults import WIRE_SWITCHES, WireFault

GATEWAY_SWITCHES = ("gone", "silent", "no_exceptions")
LINE_SWITCHES = ("cut", "half_open", *WIRE_SWITCHES)
MBAP = struct.Struct(">HHHB")
MIN_LENGTH, MAX_LENGTH = 2, 254  # Of what follows the length field: unit and PDU.
CHUNK_BYTES = 4_096
WIRES: dict[str, type[Wire]] = {RTU_TCP: RtuWire, DLT645_TCP: Dlt645Wire}


class ModbusPort(Port):
    """A Modbus TCP port. Requests of one connection to one line are carried in the order of arrival."""

    def __init__(self, gateway: "Gateway", lines: list[Line]) -> None:
        super().__init__(gateway, lines)
        self._before: dict[Writer, bytes] = {}  # The newest answer of each connection.
        self._running: dict[asyncio.Task[None], None] = {}

    async def drop(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await super().drop()

    async def _talk(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while not self.gateway.gone:
                head = await reader.readexactly(MBAP.size)
                transaction, protocol, length, unit = MBAP.unpack(head)
                if protocol != 0 or not MIN_LENGTH <= length <= MAX_LENGTH:
                    return
                request = await reader.readexactly(length - 1)
                if self.is_deaf(writer):
                    continue
                work = self._carry(writer, transaction, unit, request)
                if len(self.lines) == 1:
                    await work
                else:
                    self._beside(work)
        finally:
            self._before.pop(writer, None)

    async def _carry(self, writer: Writer, transaction: int, unit: int, request: bytes) -> None:
        line = self._line_of(unit)
        if line is None:
            answer: bytes | None = modbus.exception(request[0], modbus.NO_PATH)
            fault = None
        else:
            fault = line.faults.draw()
            lost = fault in (WireFault.NOISY, WireFault.CRC)
            answer = await line.transact(unit, request, lost)
        if answer is None:
            if self.gateway.no_exceptions:
                return
            answer, fault = modbus.exception(request[0], modbus.NO_ANSWER), None
        frame = MBAP.pack(transaction, 0, len(answer) + 1, unit) + answer
        await self._deliver(line, writer, frame, fault)

    async def _deliver(
        self, line: Line | None, writer: Writer, frame: bytes, fault: WireFault | None
    ) -> None:
        before, self._before[writer] = self._before.get(writer, frame), frame
        if line is not None and fault is WireFault.LATE:
            self._beside(self._later(line, writer, frame))
        elif line is not None and fault is WireFault.CUT_FRAME:
            await self._write(writer, line.faults.cut(frame))
            writer.close()
        elif fault is WireFault.CROSSED:
            await self._write(writer, before)
        else:
            await self._write(writer, frame * 2 if fault is WireFault.DOUBLED else frame)

    async def _later(self, line: Line, writer: Writer, frame: bytes) -> None:
        await line.clock.sleep(line.faults.late_s)
        await self._write(writer, frame)

    async def _write(self, writer: Writer, data: bytes) -> None:
        if self.is_deaf(writer) or writer.is_closing():
            return
        writer.write(data)
        await writer.drain()

    def _line_of(self, unit: int) -> Line | None:
        if len(self.lines) == 1:
            return self.lines[0]
        return next((line for line in self.lines if unit in line.meters), None)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except OSError:
                return  # The connection went before its answer came.

        task = asyncio.get_running_loop().create_task(guarded())
        self._running[task] = None
        task.add_done_callback(lambda done: self._running.pop(done, None))


class TransparentPort(Port):
    """A port that passes bytes on: no number, no exception, and every connection hears everything."""

    def __init__(self, gateway: "Gateway", line: Line) -> None:
        super().__init__(gateway, [line])
        self._line = line
        self._wire = WIRES[line.protocol]()

    async def _talk(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        buffer = bytearray()
        while not self.gateway.gone:
            data = await reader.read(CHUNK_BYTES)
            if not data:
                return
            if self.is_deaf(writer):
                buffer.clear()
                continue
            buffer += data
            for request in self._wire.requests(buffer):
                await self._line.carry(self._wire, request, self._deliver)

    def _deliver(self, frame: bytes) -> None:
        for writer in self._open.values():
            if not self.is_deaf(writer) and not writer.is_closing():
                try:
                    writer.write(frame)
                except OSError:
                    continue  # This one has just gone; the others still listen.


class Gateway:
    """The box on site with its serial ports.

    gone:          no power: sockets closed, connections refused.
    silent:        accepts everything and answers nothing.
    no_exceptions: says nothing when a meter did not answer, instead of exception 0x0B.
    shared:        codes of Modbus TCP lines behind one and the same TCP port.
    """

    def __init__(self, code: str, name: str, lines: list[Line], shared: tuple[str, ...] = ()) -> None:
        self.code = code
        self.name = name
        self.gone = False
        self.silent = False
        self.no_exceptions = False
        self.lines = {line.code: line for line in lines}
        together = [line for line in lines if line.code in shared]
        _check_shared(together)
        common = ModbusPort(self, together) if together else None
        self.ports: dict[str, Port] = {}  # By line; lines that share a port have the same one.
        for line in lines:
            if common is not None and line.code in shared:
                self.ports[line.code] = common
            elif line.protocol == MODBUS_TCP:
                self.ports[line.code] = ModbusPort(self, [line])
            else:
                self.ports[line.code] = TransparentPort(self, line)

    async def switch(self, name: str, value: object) -> None:
        """Set gone, silent or no_exceptions, or a line's fault for all lines. Raises ValueError."""
        if name in LINE_SWITCHES:
            for code in self.lines:
                self.switch_line(code, name, value)
            return
        if name not in GATEWAY_SWITCHES or not isinstance(value, bool):
            raise ValueError(f"no such switch of a gateway: {name!r} = {value!r}")
        setattr(self, name, value)
        if name == "gone":
            for port in dict.fromkeys(self.ports.values()):
                await (port.drop() if value else port.resume())

    def switch_line(self, code: str, name: str, value: object) -> None:
        """Set `cut` or `half_open` (of its port), or the rate of a wire fault. Raises ValueError."""
        if name in WIRE_SWITCHES:
            self.lines[code].faults.set(name, value)
        elif name not in LINE_SWITCHES or not isinstance(value, bool):
            raise ValueError(f"no such switch of a line: {name!r} = {value!r}")
        elif name == "cut":
            self.lines[code].cut = value
        else:
            self.ports[code].set_half_open(value)

    async def close(self) -> None:
        for port in dict.fromkeys(self.ports.values()):
            await port.close()


def _check_shared(lines: list[Line]) -> None:
    units = [unit for line in lines for unit in line.meters]
    if any(line.protocol != MODBUS_TCP for line in lines) or len(set(units)) != len(units):
        raise ValueError("lines of one port speak Modbus TCP and have no address twice")

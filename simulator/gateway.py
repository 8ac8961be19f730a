"""The gateway of a shaft: one TCP port per serial port, Modbus TCP outside, RTU inside (通讯管理机)."""

import asyncio
import struct
from contextlib import suppress

from common.streams import Streams, Writer, pipe
from simulator import modbus
from simulator.line import Line

GATEWAY_SWITCHES = ("gone", "silent", "no_exceptions")
MBAP = struct.Struct(">HHHB")
MIN_LENGTH, MAX_LENGTH = 2, 254  # Of what follows the length field: unit and PDU.


class GatewayPort:
    """A TCP port of the gateway with the line behind it.

    Requests of one connection are carried one after the other, in the order of arrival; several
    connections share the line.
    """

    def __init__(self, gateway: "Gateway", line: Line) -> None:
        self.gateway = gateway
        self.line = line
        self.host = "127.0.0.1"
        self.port = 0
        self._server: asyncio.Server | None = None
        self._listening = False
        self._open: dict[asyncio.Task[None], Writer] = {}

    async def listen(self, host: str, port: int) -> int:
        """Serve on a socket; port 0 takes a free one. Returns the port, which stays the same."""
        self.host, self.port, self._listening = host, port, True
        await self._start_server()
        return self.port

    async def close(self) -> None:
        """Stop serving and drop every connection."""
        self._listening = False
        await self.drop()

    async def drop(self) -> None:
        """Close the listening socket and every connection, as a box that lost its power."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = [task for task in self._open if task is not asyncio.current_task()]
        writers = list(self._open.values())
        for task, writer in list(self._open.items()):
            writer.close()
            if task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            with suppress(OSError):
                await writer.wait_closed()

    async def resume(self) -> None:
        """Listen again on the same port, if it was served on a socket."""
        if self._listening and self._server is None:
            await self._start_server()

    async def dial(self) -> Streams:
        """Connect in memory. Raises ConnectionRefusedError while the gateway is gone."""
        if self.gateway.gone:
            raise ConnectionRefusedError(f"gateway {self.gateway.code} is gone")
        near, far = pipe()
        self._accept(*far)
        return near

    def _accept(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.get_running_loop().create_task(self.serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _start_server(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _silent(self) -> bool:
        return self.gateway.silent

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        """Carry the requests of one connection until it ends."""
        try:
            while not self.gateway.gone:
                transaction, protocol, length, unit = MBAP.unpack(await reader.readexactly(MBAP.size))
                if protocol != 0 or not MIN_LENGTH <= length <= MAX_LENGTH:
                    return
                request = await reader.readexactly(length - 1)
                if self._silent():
                    continue
                answer = await self.line.transact(unit, request)
                if self._silent():
                    continue
                if answer is None:
                    if self.gateway.no_exceptions:
                        continue
                    answer = modbus.exception(request[0], modbus.NO_ANSWER)
                writer.write(MBAP.pack(transaction, 0, len(answer) + 1, unit) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            return  # The other side has gone; what it asked for is nobody's any more.
        finally:
            writer.close()


class Gateway:
    """The box on site with its serial ports.

    gone:          no power: sockets closed, connections refused.
    silent:        accepts everything and answers nothing, as a half-open link looks.
    no_exceptions: says nothing when a meter did not answer, instead of exception 0x0B.
    """

    def __init__(self, code: str, name: str, lines: list[Line]) -> None:
        self.code = code
        self.name = name
        self.gone = False
        self.silent = False
        self.no_exceptions = False
        self.ports = {line.code: GatewayPort(self, line) for line in lines}

    async def switch(self, name: str, value: object) -> None:
        """Set gone, silent or no_exceptions. Raises ValueError for anything else."""
        if name not in GATEWAY_SWITCHES or not isinstance(value, bool):
            raise ValueError(f"no such switch of a gateway: {name!r} = {value!r}")
        setattr(self, name, value)
        if name == "gone":
            for port in self.ports.values():
                await (port.drop() if value else port.resume())

    async def close(self) -> None:
        for port in self.ports.values():
            await port.close()

"""A serial port of this machine (本机串口), through pyserial-asyncio's interface."""

import asyncio
import termios
from functools import partial

import serial

try:
    import serial_asyncio_fast as serial_asyncio
except ImportError:  # The same interface; it writes a little later.
    import serial_asyncio  # type: ignore[no-redef]

from common.streams import Streams


async def open_serial(device: str, baud: int, parity: str) -> Streams:
    """Open a port with 8 data bits and 1 stop bit; parity "N", "E" or "O". Raises OSError.

    Opening blocks (a USB adapter takes up to a second), so it happens off the loop. No other program can
    open the port meanwhile: two masters on a line cross their answers.
    """
    loop = asyncio.get_running_loop()
    open_ = partial(
        serial.serial_for_url,
        device,
        baudrate=baud,
        bytesize=serial.EIGHTBITS,
        parity=parity,
        stopbits=serial.STOPBITS_ONE,
        timeout=0,
        exclusive=True,
    )
    try:
        port = await loop.run_in_executor(None, open_)
    except (termios.error, ValueError) as error:
        raise OSError(f"{device} cannot do {baud} baud, parity {parity}: {error}") from error
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await serial_asyncio.connection_for_serial(loop, lambda: protocol, port)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

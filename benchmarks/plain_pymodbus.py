"""Faulty RTU lines read by pymodbus alone, as the library's examples do."""

import asyncio

from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from benchmarks.faulty_lines import FAST, FAST_LATE_S, FAST_LINES, METERS, Found, faulty_line
from benchmarks.line_tokens import Truths
from common.clock import SystemClock
from simulator.gateway import Gateway

READS = ((0x0000, 17), (0x0046, 28))
PYMODBUS_TIMEOUT_S = 0.4


async def plain_pymodbus(count: int, retries: int) -> Found:
    """Read the same RTU lines with the library alone."""
    clock = SystemClock()
    found = Found()

    async def one(seed: int) -> None:
        simulated = faulty_line("rtu-tcp", clock, FAST, seed, FAST_LATE_S)
        gateway = Gateway(f"G{seed}", "网关", [simulated])
        port = await gateway.ports[simulated.code].listen("127.0.0.1", 0)
        client = AsyncModbusTcpClient(
            "127.0.0.1", port=port, framer=FramerType.RTU, timeout=PYMODBUS_TIMEOUT_S, retries=retries
        )
        try:
            await client.connect()
            mine = 0
            while mine < count / FAST_LINES:
                for unit in range(1, METERS + 1):
                    for at, size in READS:
                        mine += 1
                        await _read_plainly(client, simulated.truths, unit, at, size, found)
            found.transactions += mine
        finally:
            client.close()
            await gateway.close()

    await asyncio.gather(*(one(seed) for seed in range(1, FAST_LINES + 1)))
    return found


async def _read_plainly(
    client: AsyncModbusTcpClient, truths: Truths, unit: int, at: int, size: int, found: Found
) -> None:
    before = truths.count
    try:
        if not client.connected:
            await client.connect()
        answer = await client.read_holding_registers(at, count=size, device_id=unit)
    except ModbusException:
        found.timeouts += 1
        return
    if answer.isError():
        return
    found.accepted += 1
    data = b"".join(word.to_bytes(2, "big") for word in answer.registers)
    found.wrong += data not in truths.since(str(unit), before)

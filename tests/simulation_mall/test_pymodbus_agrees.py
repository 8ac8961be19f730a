"""A second opinion: another Modbus implementation reads and writes our frames over sockets."""

from collections.abc import AsyncIterator

import pytest
from pymodbus.client import AsyncModbusTcpClient

from common.clock import SystemClock
from simulator.mall import Mall


@pytest.fixture
async def mall() -> AsyncIterator[Mall]:
    mall = Mall.build(1, SystemClock(), shafts=1, lines_per_gateway=1, prepaid=4, public=0)
    await mall.serve()
    yield mall
    await mall.close()


@pytest.fixture
async def client(mall: Mall) -> AsyncIterator[AsyncModbusTcpClient]:
    line = mall.lines[0]
    client = AsyncModbusTcpClient(line.host, port=line.port, timeout=5, retries=0)
    assert await client.connect()
    yield client
    client.close()


async def test_it_reads_the_register_that_the_truth_has(mall: Mall, client: AsyncModbusTcpClient) -> None:
    serial = next(iter(mall.meters))
    before = mall.truth(serial).register_wh
    answer = await client.read_holding_registers(0, count=17, device_id=1)
    after = mall.truth(serial).register_wh

    shown = client.convert_from_registers(answer.registers[:2], client.DATATYPE.UINT32)
    assert isinstance(shown, int)
    assert before <= shown * 10 <= after + 10


async def test_it_trips_and_reads_the_contact_back(mall: Mall, client: AsyncModbusTcpClient) -> None:
    serial = next(iter(mall.meters))
    answer = await client.write_registers(0x57, [1, 1], device_id=1)
    assert not answer.isError()
    await mall.clock.sleep(0.4)

    status = await client.read_holding_registers(256 + 36, count=1, device_id=1)
    assert status.registers[0] >> 13 == 0
    assert not mall.truth(serial).relay_closed


async def test_it_understands_the_exceptions(client: AsyncModbusTcpClient) -> None:
    hole = await client.read_holding_registers(0x11, count=1, device_id=1)
    silent = await client.read_holding_registers(0, count=1, device_id=99)

    assert hole.exception_code == 2
    assert silent.exception_code == 0x0B

"""The program as it is started: environment, real sockets on both sides, real time."""

import asyncio
from pathlib import Path

import httpx

from collector.main import run_collector
from common.clock import SystemClock
from common.wire import Plan, PlanLine, PlanMeter, Stage
from simulator.gateway import Gateway
from simulator.line import Line
from simulator.meter import DDSY1352, PREPAID, Meter, MeterSpec
from tests.collector.site import STATUS_AT, Backend, restore, trip


async def serve_http(backend: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry HTTP/1.1 requests with a length to the backend and its answers back."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            lowered = {key.lower(): value for key, value in headers.items()}
            body = await reader.readexactly(int(lowered.get("content-length", "0")))
            request = httpx.Request(method, f"http://127.0.0.1{target}", headers=lowered, content=body)
            answer = await backend._answer(request)
            content = await answer.aread()
            writer.write(
                f"HTTP/1.1 {answer.status_code} X\r\ncontent-length: {len(content)}\r\n\r\n".encode()
            )
            writer.write(content)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def test_a_started_collector_reads_trips_and_restores(tmp_path: Path) -> None:
    clock = SystemClock()
    specs = [
        MeterSpec(
            serial=f"{unit:012d}",
            unit=unit,
            profile=DDSY1352,
            kind=PREPAID,
            load_class="restaurant",
            status_block_at=STATUS_AT,
        )
        for unit in (1, 2)
    ]
    line = Line("L1", clock, [Meter(spec, "sockets") for spec in specs])
    gateway = Gateway("G1", "一号井", [line])
    port = await gateway.ports["L1"].listen("127.0.0.1", 0)
    meters = [
        PlanMeter(meter_id=f"m{unit}", unit=unit, profile=DDSY1352, prepaid=True, status_block_at=STATUS_AT)
        for unit in (1, 2)
    ]
    plan_line = PlanLine(
        line_id="L1",
        name="一号线",
        protocol="modbus-tcp",
        host="127.0.0.1",
        port=port,
        poll_interval_s=0,
        meters=meters,
    )
    backend = Backend(clock, Plan(version="v1", site_id="S1", lines=[plan_line]))
    server = await asyncio.start_server(lambda r, w: serve_http(backend, r, w), "127.0.0.1", 0)
    environ = {
        "PREWATT_COLLECTOR_URL": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        "PREWATT_COLLECTOR_ID": "c1",
        "PREWATT_COLLECTOR_TOKEN": "t" * 32,
        "PREWATT_COLLECTOR_SPOOL": str(tmp_path / "spool.db"),
    }
    running = asyncio.create_task(run_collector(environ))
    try:
        async with asyncio.timeout(15):  # Starting takes what the machine gives it.
            while len({reading.meter_id for reading in backend.readings}) < 2:
                await clock.sleep(0.05)
        assert {reading.meter_id for reading in backend.readings} == {"m1", "m2"}
        for order in (trip("m1"), restore("m1")):
            wanted_s = clock.monotonic()
            backend.want(order)
            async with asyncio.timeout(5):
                while Stage.VERIFIED not in backend.stages("m1", order.generation):
                    await clock.sleep(0.02)
        assert backend.told_s("m1", Stage.VERIFIED, 2) - wanted_s < 1.5
        assert line.meters[1].relay.conducts
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()
        await server.wait_closed()
        await gateway.close()
        await clock.sleep(0.05)

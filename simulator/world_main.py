"""Run the simulated WeChat and SMS world as a process: `python -m simulator.world_main --help`.

It serves WeChat Pay, WeChat's API, SMS and its control API on loopback until SIGTERM or SIGINT. Keys
and names stay in its folder; orders and messages are forgotten when it ends.
"""

import argparse
import asyncio
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from common.clock import Clock, SystemClock
from simulator.keys import WorldKeys, load_or_make_keys
from simulator.loopback import LoopbackServer
from simulator.pay_faults import OLDER_ACCOUNT, DoubtfulCodes
from simulator.web import Response, Server
from simulator.wechat_control import WorldControl
from simulator.wechat_world import Addresses, WechatWorld

CALL_TIMEOUT_S = 30.0  # Each server has its own shorter limit; this one only bounds a stuck socket.
SETTINGS_FILE = "product.env"
TENANT_NAME = "商户{number:03d}"
PHONE = "139001{number:05d}"  # As the contacts of the simulated mall's shops.


class Door:
    """A listening port whose server comes a moment later: the servers must know all addresses first."""

    def __init__(self) -> None:
        self.server: Server | None = None

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        if self.server is None:
            return Response(503)
        return await self.server.respond(method, target, headers, body)


def meet_tenants(world: WechatWorld, count: int) -> None:
    """Make the world's tenants 商户001, 商户002 …, the same after every start."""
    for number in range(1, count + 1):
        world.people.meet(TENANT_NAME.format(number=number), phone=PHONE.format(number=number), follows=True)


def write_settings(keys: WorldKeys, addresses: Addresses) -> Path:
    """Write the variables that point the product here, one NAME=value a line, and return the file."""
    path = keys.folder / SETTINGS_FILE
    values = keys.product_settings(addresses.pay, addresses.api, addresses.sms, addresses.product)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return path


async def run_world(options: argparse.Namespace, clock: Clock) -> None:
    """Serve until told to stop. Prints one line when everything listens."""
    keys = load_or_make_keys(options.folder.resolve(), clock.now())
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    doors = [Door() for _ in range(4)]
    ports = (options.pay_port, options.api_port, options.sms_port, options.control_port)
    listening: list[LoopbackServer] = []
    try:
        for door, port in zip(doors, ports, strict=True):
            listening.append(await LoopbackServer.start(door, port=port))
        pay, api, sms, control = (each.url for each in listening)
        addresses = Addresses(pay, api, sms, options.product_public.rstrip("/"))
        # A proxy named in the environment must never see calls between processes of one machine.
        async with httpx.AsyncClient(timeout=CALL_TIMEOUT_S, trust_env=False) as client:
            world = build_world(options, keys, clock, client, addresses)
            doors[0].server, doors[1].server, doors[2].server = world.pay, world.api, world.sms
            doors[3].server = WorldControl(world)
            print(f"world ready: settings {write_settings(keys, addresses)}, control {control}", flush=True)
            await stopped.wait()
            await world.close()
    finally:
        for each in listening:
            await each.close()


def build_world(
    options: argparse.Namespace,
    keys: WorldKeys,
    clock: Clock,
    client: httpx.AsyncClient,
    addresses: Addresses,
) -> WechatWorld:
    """Build the world that the command line asks for, with its tenants."""
    world = WechatWorld(
        keys,
        clock,
        client,
        random.SystemRandom() if options.seed is None else random.Random(options.seed),
        addresses=addresses,
        codes=OLDER_ACCOUNT if options.older_account else DoubtfulCodes(),
        certificate_mode=options.certificate_mode,
        encrypted_events=not options.plain_events,
    )
    meet_tenants(world, options.people)
    return world


def main() -> int:
    """Read the command line and run; returns the exit status."""
    parser = argparse.ArgumentParser(description="模拟微信支付、微信接口和短信，仅监听本机")
    parser.add_argument("--folder", type=Path, required=True, help="密钥和名称的目录；没有时新建")
    for name, text in (("pay", "微信支付"), ("api", "微信接口"), ("sms", "短信"), ("control", "控制接口")):
        parser.add_argument(f"--{name}-port", type=int, default=0, help=f"{text}的端口；0 为任意空闲端口")
    parser.add_argument("--product-public", required=True, metavar="URL", help="平台的公开地址")
    parser.add_argument("--people", type=int, default=400, help="商户人数")
    parser.add_argument("--seed", type=int, help="随机种子：故障按概率发生时可重复")
    parser.add_argument("--certificate-mode", action="store_true", help="老商户：用平台证书签名")
    parser.add_argument("--older-account", action="store_true", help="老商户的错误码")
    parser.add_argument("--plain-events", action="store_true", help="事件推送不加密（明文模式）")
    options = parser.parse_args()
    try:
        asyncio.run(run_world(options, SystemClock()))
    except OSError as error:
        print(f"模拟环境无法运行：{error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

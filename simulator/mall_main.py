"""Run the simulated mall as a process of its own: `python -m simulator.mall_main --help`.

It serves every line on loopback until SIGTERM or SIGINT, and keeps its state after each change, so that
also a killed mall comes back with the relays and registers that it had.
"""

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

from common.clock import Clock, SystemClock
from simulator.control import MallControl
from simulator.loopback import LoopbackServer
from simulator.mall import Mall
from simulator.mall_state import StateError, load_state, save_state
from simulator.site_file import DEMO_POLICY, SitePolicy, write_site

SAVE_EVERY_S = 0.5


class StateKeeper:
    """Writes the mall's state soon after a change, and at the end."""

    def __init__(self, mall: Mall, path: Path, clock: Clock) -> None:
        self._mall = mall
        self._path = path
        self._clock = clock
        self._changed = False
        mall.on_change = self._note

    async def run(self) -> None:
        while True:
            await self._clock.sleep(SAVE_EVERY_S)
            if self._changed:
                self.save()

    def save(self) -> None:
        self._changed = False
        save_state(self._mall, self._path)

    def _note(self, serial: str) -> None:
        self._changed = True


async def run_mall(options: argparse.Namespace, clock: Clock) -> None:
    """Serve until told to stop. Prints one line when everything listens."""
    mall = Mall.build(
        options.seed,
        clock,
        base_port=options.base_port,
        shafts=options.shafts,
        lines_per_gateway=options.lines,
        prepaid=options.prepaid,
        public=options.public,
        mixed=not options.all_modbus,
    )
    if options.state is not None:
        load_state(mall, options.state)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    keeper = None if options.state is None else StateKeeper(mall, options.state, clock)
    keeping = None if keeper is None else asyncio.create_task(keeper.run())
    await mall.serve(options.base_port or None)
    mall.mark_lines()
    control = await LoopbackServer.start(MallControl(mall), port=options.control_port)
    if options.site_file is not None:
        policy = DEMO_POLICY if options.demo_policy else SitePolicy()
        if options.delay_s is not None:
            policy = replace(policy, delay_s=options.delay_s)
        if options.poll_interval_s is not None:
            policy = replace(policy, poll_interval_s=options.poll_interval_s)
        write_site(mall, options.site_file, policy=policy)
    print(f"mall ready: {len(mall.meters)} meters, control {control.url}", flush=True)
    try:
        await stopped.wait()
    finally:
        await control.close()
        await mall.close()
        if keeping is not None and keeper is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            keeper.save()


def main() -> int:
    """Read the command line and run; returns the exit status."""
    parser = argparse.ArgumentParser(description="模拟商场：5 个强电井、15 条总线、350 块电表，仅监听本机")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--base-port", type=int, default=15_020, help="第一条总线的端口；0 为任意空闲端口")
    parser.add_argument("--control-port", type=int, default=0, help="控制接口的端口；0 为任意空闲端口")
    parser.add_argument("--state", type=Path, help="存档文件：重启后示数和继电器不变")
    parser.add_argument("--site-file", type=Path, help="写出供 prewatt site load 读取的站点文件")
    parser.add_argument(
        "--demo-policy", action="store_true", help="站点文件用演示规则：任何时刻可断电，延时 1 分钟"
    )
    parser.add_argument("--shafts", type=int, default=5, help="强电井数")
    parser.add_argument("--lines", type=int, default=3, help="每个强电井的总线数")
    parser.add_argument("--prepaid", type=int, default=300, help="商铺预付费表数")
    parser.add_argument("--public", type=int, default=50, help="公区表数")
    parser.add_argument(
        "--all-modbus", action="store_true", help="各井都用 Modbus TCP，不设 RTU 透传、DL/T 645 和共口"
    )
    parser.add_argument("--delay-s", type=int, help="站点文件：提醒送达后多久断电")
    parser.add_argument("--poll-interval-s", type=float, help="站点文件：每块表的抄表间隔")
    options = parser.parse_args()
    try:
        asyncio.run(run_mall(options, SystemClock()))
    except (StateError, OSError) as error:
        print(f"模拟商场无法运行：{error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

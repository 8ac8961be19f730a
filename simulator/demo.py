"""The whole mall on one machine (演示): `prewatt demo`, which `make demo` runs.

Sets everything up the first time, with history; a second start keeps the data; Ctrl-C stops all of it.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from backend.context import Context
from backend.errors import AppError, ConfigError
from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.people import Staff
from backend.models.site import Gateway, Shop
from backend.services.demo_drain import drain
from backend.services.permissions import SEEDED_ROLES
from backend.services.staff_admin import create_staff
from common.clock import Clock, SystemClock, local
from simulator.history import History
from simulator.loopback import LoopbackServer
from simulator.mall import Mall
from simulator.phones import Shopper, shoppers
from simulator.stack import Stack, StackError, StackOptions, free_port, write_figures
from simulator.start_page import DemoGateway, DemoRefused, DemoShop, StartPage
from simulator.world_main import TENANT_NAME

POLL_INTERVAL_S = 10.0
ALL_READ_WITHIN_S = 300.0
OVERLOAD_PERMILLE = 500
PORTS = {"private": 1, "public": 2, "pay": 3, "api": 4}  # After the start page's own.
_BEGAN = "PREWATT_BEGAN"  # Seconds since 1970 at which `make` began.


async def run_demo(arguments: argparse.Namespace) -> int:
    """Run the demonstration until Ctrl-C; `--until-ready` ends when every meter has been read."""
    clock_began = _began()
    if arguments.reset:
        shutil.rmtree(arguments.folder, ignore_errors=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    main = asyncio.create_task(_Demo(arguments, clock_began, stop).run())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({main, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not main.done():
        print("\n正在停止……", flush=True)
        main.cancel()
    stopped.cancel()
    try:
        return await main
    except asyncio.CancelledError:
        print("已停止，数据已保留；prewatt demo --reset 可重新开始", flush=True)
        return 0
    except StackError as error:
        print(f"演示无法启动：{error}", flush=True)
        return 1


class _Demo:
    def __init__(self, arguments: argparse.Namespace, began_s: float | None, stop: asyncio.Event) -> None:
        self.arguments = arguments
        self.began_s = began_s
        self.stop = stop
        self.port = arguments.port
        options = StackOptions(poll_interval_s=POLL_INTERVAL_S, **_ports(arguments))
        self.stack = Stack(arguments.folder, options)
        self.clock: Clock = self.stack.clock
        self.started_at = self.clock.now()

    async def run(self) -> int:
        try:
            return await self._run()
        finally:
            await self.stack.close()

    async def _run(self) -> int:
        running = self.stack
        _tell("启动模拟商场、微信与短信、内置 Valkey……")
        await running.prepare()
        await running.load()
        async with running.context(inline=True) as ctx:
            await hire(ctx, running.site_id)
            await self._make_history(ctx)
        async with running.context() as ctx:
            _tell("启动后端与采集服务……")
            await running.run()
            async with httpx.AsyncClient(timeout=30.0, trust_env=False) as client:
                actions = Actions(ctx, running, client)
                page = StartPage(actions, private_port=running.private_port, public_port=running.public_port)
                server = await LoopbackServer.start(page, port=self.port)
                try:
                    return await self._ready(ctx, client, actions)
                finally:
                    await server.close()

    async def _make_history(self, ctx: Context) -> None:
        marker = self.stack.folder / "history_made"
        if marker.exists() or self.arguments.history_days <= 0:
            return
        _tell(f"生成 {self.arguments.history_days} 天历史数据（仅首次，约一两分钟）……")
        mall = Mall.build(self.stack.options.seed, self.clock)
        await History(ctx, self.stack.site_id, mall, 1).make(self.arguments.history_days, _tell)
        marker.touch()

    async def _ready(self, ctx: Context, client: httpx.AsyncClient, actions: "Actions") -> int:
        board_s = await self._first_board(client)
        url = f"http://localhost:{self.port}/"
        _tell(f"可以打开：{url}    （Ctrl-C 停止）")
        await _all_read(ctx, self.started_at)
        read_s = self._seconds()
        _tell(f"350 块表全部抄到，用时 {read_s:.1f} 秒")
        warm = "cold_s" if self.arguments.reset or _is_first(self.stack.folder) else "warm_s"
        figures = {warm: round(read_s, 1), "board_usable_s": round(board_s, 1), "address": url}
        if self.arguments.until_ready:
            write_figures(figures, _json_file())
            return 0
        moving = asyncio.create_task(actions.move_in())
        try:
            await self.stop.wait()
        finally:
            moving.cancel()
            await asyncio.gather(moving, return_exceptions=True)
        return 0

    async def _first_board(self, client: httpx.AsyncClient) -> float:
        """Sign in and read the board, as the first page does; return the seconds since the start."""
        base = self.stack.private_url
        answer = await client.post(f"{base}/api/v1/staff/demo-sessions", json={"role": "manager"})
        answer.raise_for_status()
        while True:
            board = await client.get(f"{base}/api/v1/staff/board", cookies=answer.cookies)
            if board.status_code == 200 and len(board.json()["rows"]) == len(await _meters()):
                return self._seconds()
            await self.clock.sleep(0.1)

    def _seconds(self) -> float:
        now = self.clock.now()
        return now.timestamp() - (self.began_s or self.started_at.timestamp())


class Actions:
    """What the start page's buttons do."""

    def __init__(self, ctx: Context, running: Stack, client: httpx.AsyncClient) -> None:
        self._ctx = ctx
        self._stack = running
        self._client = client
        self._people: dict[str, Shopper] = {}
        self._moved_in = asyncio.Lock()

    async def move_in(self) -> None:
        """Bind every shop's phone, once; the first start takes a while, nobody waits for it."""
        async with self._moved_in:
            if not self._people:
                found = await shoppers(self._ctx, self._stack, self._client)
                self._people = {person.shop: person for person in found}
                _tell(f"{len(found)} 户商户的手机已绑定")

    async def shops(self) -> list[DemoShop]:
        accounts = {row.shop_id: row.id for row in await Account.filter(site_id=self._stack.site_id)}
        found = await Shop.filter(site_id=self._stack.site_id).order_by("code")
        return [
            DemoShop(
                code=shop.code,
                name=shop.name,
                person=TENANT_NAME.format(number=number),
                account_id=str(accounts[shop.id]),
            )
            for number, shop in enumerate(found, start=1)
        ]

    async def gateways(self) -> list[DemoGateway]:
        found = await Gateway.filter(site_id=self._stack.site_id).order_by("code")
        return [DemoGateway(code=row.code, name=row.name) for row in found]

    async def drain(self, shop: str) -> str:
        account = await self._account(shop)
        try:
            left = await drain(self._ctx, account.id)
        except AppError as error:
            raise DemoRefused(error.text()) from None
        return f"{shop} 的预估余额降到 {left / 100:.2f} 元，实际用电会跨过这一档"

    async def overload(self, shop: str, on: bool) -> str:
        account = await self._account(shop)
        meter = await Meter.get(account_id=account.id)
        limit_w = account.power_limit_w
        over_w = limit_w or meter.rated_power_w * OVERLOAD_PERMILLE // 1_000
        await self._switch(meter=meter.serial, fault="extra_w", value=over_w if on else 0)
        if not on:
            return f"{shop} 的负荷已恢复"
        if limit_w is None:
            return f"{shop} 增加负荷 {over_w / 1000:.1f} kW；这家店没有功率限值"
        return f"{shop} 增加负荷 {over_w / 1000:.1f} kW，超过限值 {limit_w / 1000:.1f} kW：先提醒，再断电"

    async def gateway(self, code: str, gone: bool) -> str:
        await self._switch(gateway=code, fault="gone", on=gone)
        return f"通讯管理机 {code} 已断网" if gone else f"通讯管理机 {code} 已恢复"

    async def pay(self, shop: str, fen: int) -> str:
        await self.move_in()
        person = self._people.get(shop)
        if person is None:
            raise DemoRefused("没有这家商铺")
        order_no = await person.pay_and_wait(fen)
        return f"{shop} 已交电费 {fen / 100:.2f} 元（订单 {order_no}），已入账"

    async def scan(self, shop: str) -> str:
        await self.move_in()
        fen = await self._people[shop].scan()
        if fen is None:
            raise DemoRefused(f"柜台没有 {shop} 的收款码：请收银员选“扫码”后按 F9")
        return f"{shop} 的店主扫码付了 {fen / 100:.2f} 元，等微信支付通知柜台"

    async def _switch(self, **what: Any) -> None:
        try:
            await self._stack.switch_mall(**what)
        except StackError as error:
            raise DemoRefused(f"模拟商场没有照办：{error}") from None

    async def _account(self, shop: str) -> Account:
        row = await Shop.get_or_none(site_id=self._stack.site_id, code=shop)
        if row is None:
            raise DemoRefused("没有这家商铺")
        return await Account.get(shop_id=row.id)


async def hire(ctx: Context, site_id: int) -> None:
    """Make one person for each seeded role; they sign in by one tap, their passwords are thrown away."""
    for role in SEEDED_ROLES:
        username = f"demo-{role.code}"
        if not await Staff.exists(username=username):
            password = secrets.token_urlsafe(24)
            await create_staff(ctx, site_id, username, f"演示{role.name}", password, [role.code])


async def _all_read(ctx: Context, since: datetime) -> None:
    """Wait until a reading taken after `since` was accepted from every meter."""
    deadline = ctx.clock.monotonic() + ALL_READ_WITHIN_S
    while True:
        wanted = len(await _meters())
        read = await MeterState.filter(read_at__gt=since).count()
        if read >= wanted:
            return
        if ctx.clock.monotonic() > deadline:
            raise StackError(f"只抄到 {read}/{wanted} 块表")
        await ctx.clock.sleep(0.2)


async def _meters() -> list[Any]:
    return await Meter.filter(retired_at=None).values_list("id", flat=True)


def _is_first(folder: Path) -> bool:
    """Tell whether this start is the folder's first, and remember it."""
    marker = folder / "started_before"
    if marker.exists():
        return False
    marker.touch()
    return True


def _ports(arguments: argparse.Namespace) -> dict[str, Any]:
    """Take the ports after the start page's own where they are free, so that addresses stay the same."""
    if arguments.port == 0:
        arguments.port = free_port()
        return {}
    return {f"{name}_port": arguments.port + offset for name, offset in PORTS.items()}


def _began() -> float | None:
    text = os.environ.get(_BEGAN, "")
    try:
        return float(text) if text else None
    except ValueError:
        raise ConfigError(f"{_BEGAN} must be seconds since 1970, not {text!r}") from None


def _json_file() -> Path | None:
    name = os.environ.get("JSON", "")
    return Path(name) if name else None


def _tell(text: str) -> None:
    print(f"{local(SystemClock().now()):%H:%M:%S}  {text}", flush=True)

"""The backend's commands (后端命令): serve, worker, migrate, site load, admin create, audit verify."""

import argparse
import getpass
import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import uvloop

from backend.app import bind_both
from backend.assemble import open_context, open_edge
from backend.context import Context
from backend.errors import ConfigError
from backend.logs import open_logs
from backend.models.operations import Collector
from backend.models.site import Site
from backend.services.audit import verify_audit
from backend.services.meter_models import known_families
from backend.services.site_file import read_site_file
from backend.services.site_load import load_site
from backend.services.staff_admin import create_staff
from backend.services.verify_books import verify_books
from backend.settings import Settings, load_settings
from backend.store import migrate_store, unit_of_work
from backend.worker import work_until_stopped
from backend.workers import run_workers, serve_until_stopped


def serve(environ: Mapping[str, str]) -> int:
    """Serve with as many processes as the settings say, until told to stop; return the exit code."""
    settings = load_settings(environ)
    open_logs()
    if settings.is_sqlite and settings.workers > 1:
        raise ConfigError("PREWATT_WORKERS must be 1 with SQLite: backend and worker are one process then")
    if settings.workers > 1:
        return run_workers(settings, open_edge, settings.trusted_proxies)
    sockets = bind_both(settings)  # Before anything else is opened: a taken address is said at once.
    uvloop.run(serve_until_stopped(settings, open_edge, sockets, trusted_proxies=settings.trusted_proxies))
    return 0


async def run_command(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run one command and return its exit code."""
    settings = load_settings(environ)
    open_logs()
    match arguments.command:
        case "worker":
            async with open_context(settings) as ctx:
                await work_until_stopped(ctx)
        case "migrate":
            await migrate_store(settings.database_url)
            print("数据库结构已是最新")
        case "site":
            await _site_load(settings, arguments.file)
        case "admin":
            await _admin_create(settings, arguments)
        case "collector-token":
            await _collector_token(settings, arguments)
        case "audit":
            return await _audit_verify(settings)
    return 0


async def _site_load(settings: Settings, file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    site_file = read_site_file(text)
    async with open_context(settings) as ctx:
        site = await Site.get_or_none(code=site_file.site.code)
        known = await known_families(site.id) if site is not None else None
        # Once the site's collectors have said which models they can read, a file that names another is wrong.
        loaded = await load_site(ctx, read_site_file(text, known))
    print(
        f"已导入：{loaded.shafts} 个强电井、{loaded.lines} 条总线、{loaded.meters} 块表、"
        f"{loaded.shops} 个商铺，新增 {loaded.made} 条记录"
    )
    if loaded.replaced:
        print(f"已换表，未再导入：{'、'.join(loaded.replaced)}。请把站点文件中的表号改为现用电表的表号")


async def _site_id(code: str) -> int:
    site = await Site.get_or_none(code=code)
    if site is None:
        raise ConfigError(f"there is no site {code!r}: load its site file first")
    return int(site.id)


async def _admin_create(settings: Settings, arguments: argparse.Namespace) -> None:
    password = getpass.getpass("密码：") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    async with open_context(settings) as ctx:
        made = await create_staff(
            ctx,
            await _site_id(arguments.site),
            arguments.username,
            arguments.name,
            password,
            arguments.role,
        )
    print(f"已建立 {arguments.username}")
    if made.totp_uri:
        print(f"动态口令（在手机验证器中添加）：{made.totp_uri}")


async def _collector_token(settings: Settings, arguments: argparse.Namespace) -> None:
    async with open_context(settings) as ctx:
        token = await register_collector(ctx, await _site_id(arguments.site), arguments.name)
    print(f"PREWATT_COLLECTOR_ID={arguments.name}")
    print(f"PREWATT_COLLECTOR_TOKEN={token}")


async def register_collector(ctx: Context, site_id: int, name: str) -> str:
    """Register a collector, or give it a next token beside the one it has (采集服务令牌轮换)."""
    token = ctx.ids.token()
    digest = hashlib.sha256(token.encode()).hexdigest()

    async def work() -> None:
        row = await Collector.get_or_none(name=name, site_id=site_id)
        if row is None:
            await Collector.create(
                id=ctx.ids.new(),
                site_id=site_id,
                name=name,
                token_hash=digest,
                line_codes=msgspec.json.encode([]).decode(),
            )
            return
        # Two are valid while one is being replaced: the older of the two goes.
        row.token_hash, row.next_token_hash = row.next_token_hash or row.token_hash, digest
        await row.save(update_fields=["token_hash", "next_token_hash"])

    await unit_of_work(work, "register_collector")
    return token


async def _audit_verify(settings: Settings) -> int:
    async with open_context(settings):
        problems = await verify_books(settings.ledger_key)
        for site in await Site.all().order_by("id"):
            problems += [str(item) for item in await verify_audit(site.id, settings.ledger_key)]
    for problem in problems:
        print(problem)
    print("发现问题" if problems else "凭证、余额、凭证链与操作日志全部一致")
    return int(bool(problems))

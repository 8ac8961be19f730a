"""The command `prewatt` (命令行): one entry for every process and every tool.

A wrong setting ends the program with 2 and one sentence naming the variable.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from backend.errors import AppError, ConfigError


def main() -> None:
    """Run one command and exit: 0 done, 1 failed, 2 wrong settings or arguments."""
    arguments = _parser().parse_args()
    try:
        sys.exit(_run(arguments))
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except AppError as error:
        print(error.text(), file=sys.stderr)
        for where, what in (error.fields or {}).items():
            print(f"  {where}：{what}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prewatt", description="商铺远程预付费管理云平台")
    commands = parser.add_subparsers(dest="command", required=True, metavar="命令")
    commands.add_parser("serve", help="启动后端服务（公网与内网两个监听）")
    commands.add_parser("worker", help="启动后台作业进程")
    commands.add_parser("collector", help="启动采集服务")
    commands.add_parser("migrate", help="更新数据库结构")
    site = commands.add_parser("site", help="站点").add_subparsers(dest="action", required=True)
    load = site.add_parser("load", help="导入站点文件（可重复执行）")
    load.add_argument("file", type=Path)
    profile = commands.add_parser("profile", help="表型档案").add_subparsers(dest="action", required=True)
    check = profile.add_parser("check", help="校验档案，列出请求、用时与指令帧（有误时退出码 2）")
    check.add_argument("files", type=Path, nargs="+", metavar="文件")
    admin = commands.add_parser("admin", help="物业人员").add_subparsers(dest="action", required=True)
    create = admin.add_parser("create", help="新建物业人员")
    create.add_argument("username")
    create.add_argument("--name", required=True, help="姓名")
    create.add_argument("--role", action="append", required=True, help="角色编号，可多次")
    create.add_argument("--site", required=True, help="站点编号")
    token = commands.add_parser("collector-token", help="登记采集服务并生成令牌")
    token.add_argument("name")
    token.add_argument("--site", required=True, help="站点编号")
    audit = commands.add_parser("audit", help="审计").add_subparsers(dest="action", required=True)
    audit.add_parser("verify", help="校验凭证链与操作日志")
    demo = commands.add_parser("demo", help="一条命令运行整座商场")
    demo.add_argument("--reset", action="store_true", help="清空演示数据后重新开始")
    demo.add_argument("--folder", type=Path, default=Path("var/demo"))
    demo.add_argument("--port", type=int, default=8100)
    demo.add_argument("--history-days", type=int, default=40)
    demo.add_argument("--until-ready", action="store_true", help="全部电表抄到后打印用时并退出")
    story = commands.add_parser("story", help="无人值守演示全过程并打印时间线与数据")
    story.add_argument("--json", type=Path)
    story.add_argument("--payments", type=int, default=200)
    story.add_argument("--database-url", default="")
    days = commands.add_parser("days", help="虚拟时间运行 N 天")
    days.add_argument("days", type=int)
    days.add_argument("--seed", type=int, default=1)
    days.add_argument("--json", type=Path)
    days.add_argument("--shops", type=int, default=300)
    days.add_argument("--faults", action="store_true", help="埋设故障并核对电量、告警和送电")
    days.add_argument("--all-modbus", action="store_true", help="各井都用 Modbus TCP")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    # Each command imports what it needs: a collector shall not load the backend's world, nor the other way.
    match arguments.command:
        case "collector":
            from collector.main import run_collector
            from collector.settings import CollectorConfigError

            try:
                return _loop(_done(run_collector(os.environ)))
            except CollectorConfigError as error:
                raise ConfigError(str(error)) from None
        case "profile":
            from collector.profile_check import check_profiles

            return check_profiles(arguments.files)
        case "serve":
            from backend.commands import serve

            return serve(os.environ)
        case "demo":
            from simulator.demo import run_demo

            return _loop(run_demo(arguments))
        case "story":
            from simulator.story import run_story

            return _loop(run_story(arguments))
        case "days":
            from simulator.days import run_days

            return int(
                run_days(
                    arguments.days,
                    arguments.seed,
                    arguments.json,
                    arguments.shops,
                    faults=arguments.faults,
                    mixed=not arguments.all_modbus,
                )
            )
        case _:
            from backend.commands import run_command

            return _loop(run_command(arguments, os.environ))


async def _done(work: Coroutine[Any, Any, None]) -> int:
    await work
    return 0


def _loop(work: Coroutine[Any, Any, int]) -> int:
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run(work)
    return asyncio.run(work)


if __name__ == "__main__":
    main()

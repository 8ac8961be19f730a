"""Excel files: exact numbers, text that stays text, a process that may die, jobs that say why."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.models.exports import ExportJob, ExportState
from backend.reports.excel_process import NoLongerWanted, WriterFailed, write_excel
from backend.reports.excel_sheet import ColumnSpec, SheetSpec, number_of
from backend.reports.port import Row
from backend.reports.write_excel import CUT_OFF, Book
from backend.services.exports import (
    ExportFixed,
    ExportGone,
    ask_export,
    cancel_export,
    drop_exports,
    export_file,
    list_exports,
    path_of,
    retry_export,
)
from backend.services.show_report import ReportQuery
from tests.services.mall import SmallMall

RIGHTS = ("staff.report.sales", "staff.report.energy", "staff.report.export")
QUERY = ReportQuery()
COLUMNS = [
    ColumnSpec("铺号", "text"),
    ColumnSpec("金额", "fen"),
    ColumnSpec("电量", "wh"),
    ColumnSpec("时间", "time"),
]


def book(path: Path) -> Book:
    sheet = SheetSpec(name="表", lines=["标题"], columns=COLUMNS, totals=["合计", 123, 4567, None])
    return Book(path=str(path), author="测试", title="标题", sheets=[sheet])


async def once(*rows: Row) -> AsyncIterator[list[Row]]:
    yield list(rows)


async def go_on(done: int) -> bool:
    return True


@given(st.integers(-(10**13), 10**13), st.sampled_from(["fen", "wh"]))
@settings(max_examples=300)
def test_a_number_is_read_back_as_the_fen_it_was(value: int, unit: str) -> None:
    """Excel keeps 15 digits, and the file holds 16: a quotient comes back as it went."""
    written = float(f"{number_of(value, unit):.16G}")

    assert round(written * (100 if unit == "fen" else 1000)) == value


async def test_a_file_says_what_the_screen_says(tmp_path: Path) -> None:
    path, at = tmp_path / "a.xlsx", 1_790_000_000_000
    rows: list[Row] = [
        ["=1+1", -1, 1, at],
        ["+cmd|' /C calc'!A0", 99, 999, None],
        ["http://x", 10**11 + 1, -7, at],
    ]

    counts = await write_excel(book(path), [once(*rows)], go_on)

    sheet = openpyxl.load_workbook(path)["表"]
    found = list(sheet.iter_rows())
    assert counts == [3] and [cell.value for cell in found[1]] == ["合计", 1.23, 4.567, None]
    assert [[cell.value for cell in row[:3]] for row in found[3:]] == [
        ["=1+1", -0.01, 0.001],
        ["+cmd|' /C calc'!A0", 0.99, 0.999],
        ["http://x", 1_000_000_000.01, -0.007],
    ]
    assert {row[0].data_type for row in found[3:]} == {"s"} and found[5][0].hyperlink is None
    assert found[3][3].value == datetime(2026, 9, 21, 22, 13, 20)  # noqa: DTZ001 (the mall's time)
    assert sheet.freeze_panes == "B4" and sheet.auto_filter.ref == "A3:D6"
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)


def test_input_that_ends_early_leaves_no_file(tmp_path: Path) -> None:
    begun = msgspec.json.encode(book(tmp_path / "a.xlsx")) + b'\n[["A",1,2,3]]\n'

    done = subprocess.run([sys.executable, "-m", "backend.reports.write_excel"], input=begun, check=False)

    assert done.returncode == CUT_OFF
    assert list(tmp_path.iterdir()) == []


async def test_a_writer_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[list[Row]]:
        while True:
            yield [["A", 1, 2, 3]]
            await asyncio.sleep(0.01)

    with pytest.raises(WriterFailed, match="超时"):
        await write_excel(book(tmp_path / "a.xlsx"), [endless()], go_on, limit_s=0.5)

    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_nobody_wants_any_more_is_not_made(tmp_path: Path) -> None:
    async def stop(done: int) -> bool:
        return False

    with pytest.raises(NoLongerWanted):
        await write_excel(book(tmp_path / "a.xlsx"), [once(["A", 1, 2, 3])], stop)

    assert list(tmp_path.iterdir()) == []


async def asked(mall: SmallMall, kind: str = "sales-by-day", **more: Any) -> tuple[Any, int]:
    ctx = mall.as_staff(5, *RIGHTS)
    made = await ask_export(ctx, kind, QUERY, whole=True, request_id=more.get("request_id", "r1"))
    return ctx, int(made.export_id)


@pytest.mark.mariadb
async def test_a_request_is_one_file_and_the_job_makes_it(mall: SmallMall) -> None:
    await mall.pay(12_345)
    ctx, first = await asked(mall)
    _, again = await asked(mall)
    await mall.runner.run_due()

    (shown,) = await list_exports(ctx)
    name, content = await export_file(ctx, first)

    assert first == again and shown.state is ExportState.DONE and shown.rows_done == shown.row_count
    assert name == "售电日报_20260301-20260302.xlsx" and len(content) == shown.size_bytes
    sheet = openpyxl.load_workbook(path_of(mall.ctx, first))["售电日报"]
    sums = next(row for row in sheet.iter_rows(values_only=True) if row[0] == "合计")
    assert 123.45 in sums


async def test_a_file_is_kept_for_seven_days(mall: SmallMall) -> None:
    ctx, number = await asked(mall)
    await mall.runner.run_due()
    mall.clock.advance(timedelta(days=7).total_seconds() + 1)

    assert await drop_exports(mall.ctx) == 1
    with pytest.raises(ExportGone):
        await export_file(ctx, number)
    assert not path_of(mall.ctx, number).exists()


async def test_what_was_cancelled_is_not_made_and_can_be_asked_for_again(mall: SmallMall) -> None:
    ctx, number = await asked(mall)
    await cancel_export(ctx, number)
    await mall.runner.run_due()
    assert (await ExportJob.get(id=number)).state is ExportState.CANCELLED
    with pytest.raises(ExportFixed):
        await cancel_export(ctx, number)

    await retry_export(ctx, number)
    await mall.runner.run_due()

    assert (await ExportJob.get(id=number)).state is ExportState.DONE


async def test_a_writer_that_is_killed_leaves_a_reason_and_can_be_tried_again(
    mall: SmallMall, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.create_subprocess_exec

    async def start_and_kill(*args: Any, **more: Any) -> Any:
        process = await started(*args, **more)
        os.kill(process.pid, signal.SIGKILL)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_kill)
    ctx, number = await asked(mall)
    await mall.runner.run_due()
    failed = await ExportJob.get(id=number)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    assert failed.state is ExportState.FAILED and "中止" in failed.reason

    await retry_export(ctx, number)
    await mall.runner.run_due()

    assert (await ExportJob.get(id=number)).state is ExportState.DONE


async def test_a_file_that_took_its_worker_down_twice_is_given_up(mall: SmallMall) -> None:
    _, number = await asked(mall)
    await ExportJob.filter(id=number).update(state=ExportState.RUNNING, attempts=2)

    await mall.runner.run_due()

    job = await ExportJob.get(id=number)
    assert job.state is ExportState.FAILED and "中断" in job.reason

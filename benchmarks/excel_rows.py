"""100,000 rows to Excel: time, peak memory, read back, rendered (导出十万行).

    python -m benchmarks.excel_rows [--rows n] [--keep FOLDER]

Takes the product's way: rows go down the pipe to `backend.reports.write_excel` and a file comes out.
seconds: from starting the process to its end. peak_rss_mb: VmHWM of that process, its interpreter and
libraries included. Then openpyxl reads every cell back, and LibreOffice, where there is one, renders it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openpyxl

from backend.reports.excel_chart import ChartSpec, SeriesSpec
from backend.reports.excel_process import write_excel
from backend.reports.excel_sheet import ColumnSpec, SheetSpec
from backend.reports.port import Row
from backend.reports.write_excel import Book
from common.clock import SystemClock

COLUMNS = [
    ColumnSpec("入账时间", "time"),
    ColumnSpec("类型", "text"),
    ColumnSpec("铺号", "text"),
    ColumnSpec("商铺", "text"),
    ColumnSpec("支付方式", "text"),
    ColumnSpec("金额", "fen"),
    ColumnSpec("用电量", "wh"),
    ColumnSpec("收银员", "text"),
    ColumnSpec("备注", "text"),
    ColumnSpec("凭证号", "text"),
]
BEGIN_MS = 1_790_000_000_000
_CHUNK = 2_000


def fen_of(number: int) -> int:
    return (number * 7_919_993) % 90_000_001 - 1_000_000


def wh_of(number: int) -> int:
    return (number * 104_729) % 9_999_991


def row_of(number: int) -> Row:
    return [
        BEGIN_MS + number * 61_000,
        "充值" if number % 4 else "电费",
        f"B1-{number % 300:04d}",
        f"商铺{number % 300}",
        ("现金", "转账", "刷卡", "微信")[number % 4],
        fen_of(number),
        wh_of(number),
        "王收银",
        "=1+1" if number % 50 == 0 else "",
        str(810_000_000_000_000_000 + number),
    ]


async def _chunks(rows: int) -> AsyncIterator[list[Row]]:
    for start in range(0, rows, _CHUNK):
        yield [row_of(number) for number in range(start, min(start + _CHUNK, rows))]


def _book(path: Path, rows: int) -> Book:
    totals: Row = [
        "合计",
        *[None] * 4,
        sum(map(fen_of, range(rows))),
        sum(map(wh_of, range(rows))),
        *[None] * 3,
    ]
    days = [f"11-{day:02d}" for day in range(1, 31)]
    series = [SeriesSpec("现金", "fen", [day * 12_345 for day in range(30)], False, "channel")]
    sheet = SheetSpec(name="明细", lines=["十万行", "统计期间 2026-11"], columns=COLUMNS, totals=totals)
    return Book(
        path=str(path), author="bench", title="十万行", sheets=[sheet], chart=ChartSpec("收款", days, series)
    )


class Watch:
    """Follows the peak memory of our children."""

    def __init__(self) -> None:
        self.peak_kb = 0

    async def run(self) -> None:
        clock = SystemClock()
        while True:
            self.look()
            await clock.sleep(0.02)

    def look(self) -> None:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{os.getpid()}/task").iterdir():
                for pid in (task / "children").read_text().split():
                    self.peak_kb = max(self.peak_kb, _peak_kb(pid))


def _peak_kb(pid: str) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


async def write(path: Path, rows: int) -> dict[str, Any]:
    clock, watch = SystemClock(), Watch()

    async def tell(done: int) -> bool:
        watch.look()
        return True

    watching = asyncio.create_task(watch.run())
    began_s = clock.monotonic()
    counts = await write_excel(_book(path, rows), [_chunks(rows)], tell)
    took_s = clock.monotonic() - began_s
    watching.cancel()
    return {
        "rows": counts[0],
        "seconds": round(took_s, 2),
        "peak_rss_mb": round(watch.peak_kb / 1024, 1),
        "file_mb": round(path.stat().st_size / 1e6, 2),
    }


def read_back(path: Path, rows: int) -> dict[str, Any]:
    """Read each cell with openpyxl and compare money and energy exactly."""
    sheet = openpyxl.load_workbook(path, read_only=True)["明细"]
    wrong = found = formulas = 0
    sums: tuple[Any, ...] = ()
    begun = False
    for cells in sheet.iter_rows():
        values = [cell.value for cell in cells]
        if not begun:
            sums = tuple(values) if values[0] == "合计" else sums
            begun = values[0] == "入账时间"
            continue
        wanted = row_of(found)
        wrong += round(values[5] * 100) != wanted[5] or repr(values[5] * 1.0) != repr((wanted[5] or 0) / 100)  # type: ignore[operator]
        wrong += round(values[6] * 1000) != wanted[6]
        formulas += any(cell.data_type == "f" for cell in cells)
        found += 1
    book = _book(path, rows).sheets[0].totals
    same = round(sums[5] * 100) == book[5] and round(sums[6] * 1000) == book[6]
    return {"read_rows": found, "wrong_cells": wrong, "formulas": formulas, "totals_equal": same}


def render(path: Path) -> dict[str, Any]:
    """Let LibreOffice open the file and write what it shows; as text, for it is thousands of pages."""
    office = shutil.which("soffice")
    if office is None:
        return {"rendered": "no LibreOffice here"}
    command = [
        office,
        "--headless",
        f"-env:UserInstallation=file://{path.parent}/office",
        "--convert-to",
        "csv",
    ]
    clock = SystemClock()
    began_s = clock.monotonic()
    subprocess.run(
        [*command, "--outdir", str(path.parent), str(path)], check=True, capture_output=True, timeout=300
    )
    text = path.with_suffix(".csv").read_text(encoding="utf-8", errors="replace")
    return {"rendered_rows": text.count("\n"), "rendered_seconds": round(clock.monotonic() - began_s, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description="十万行导出：时间、内存、读回、渲染")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="保留文件的文件夹")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="prewatt-excel-"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rows.xlsx"
    figures = asyncio.run(write(path, options.rows))
    figures |= read_back(path, options.rows) | render(path)
    text = json.dumps(figures)
    if os.environ.get("JSON"):
        Path(os.environ["JSON"]).write_text(text)
    print(text)
    if options.keep is None:
        shutil.rmtree(folder)
    return 0 if figures["totals_equal"] and not figures["wrong_cells"] and not figures["formulas"] else 1


if __name__ == "__main__":
    sys.exit(main())

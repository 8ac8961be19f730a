"""Feed the process that writes an Excel file (导出进程): started for one file, ended with it.

The event loop only moves bytes; formatting and zipping happen elsewhere. The process gets none of our
settings, and is killed when it takes too long, when nobody wants the file any more, and when we stop.
"""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from backend.reports.port import Row
from backend.reports.write_excel import END, NEXT, Book, work_folder

LIMIT_S = 600.0
_ROWS_AT_ONCE = 500
_WAIT_S = 60.0  # For the zip at the end, and for a full pipe.
_OURS = Path(__file__).resolve().parents[2]


class WriterFailed(Exception):
    """The process ended without a whole file; the text says how, for people."""


class NoLongerWanted(Exception):
    """Somebody cancelled the export."""


Rows = AsyncIterator[list[Row]]
Tell = Callable[[int], Awaitable[bool]]  # Given the rows so far; False: stop.


async def write_excel(
    book: Book, sheets: Sequence[Rows], tell: Tell, *, limit_s: float = LIMIT_S
) -> list[int]:
    """Write a file from the rows of its sheets and return how many rows each has.

    Raises WriterFailed, NoLongerWanted. Whatever happens, the process is gone afterwards.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "backend.reports.write_excel"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "PYTHONPATH": str(_OURS), "PYTHONUTF8": "1"},
    )
    try:
        async with asyncio.timeout(limit_s):
            await _feed(process, book, sheets, tell)
            output = await _ended(process)
    except TimeoutError:
        raise WriterFailed("生成超时，已停止；请缩小日期范围后重试") from None
    except (BrokenPipeError, ConnectionResetError):
        raise WriterFailed(await _how(process)) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        shutil.rmtree(work_folder(book.path), ignore_errors=True)
    return msgspec.json.decode(output, type=list[int])


async def _feed(process: asyncio.subprocess.Process, book: Book, sheets: Sequence[Rows], tell: Tell) -> None:
    assert process.stdin is not None
    pipe, done = process.stdin, 0
    pipe.write(msgspec.json.encode(book) + b"\n")
    for number, chunks in enumerate(sheets):
        async for chunk in chunks:
            for start in range(0, len(chunk), _ROWS_AT_ONCE):
                part = chunk[start : start + _ROWS_AT_ONCE]
                pipe.write(msgspec.json.encode(part) + b"\n")
                await pipe.drain()
                done += len(part)
            if not await tell(done):
                raise NoLongerWanted
        pipe.write((END if number == len(sheets) - 1 else NEXT) + b"\n")
    await pipe.drain()
    pipe.close()


async def _ended(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    output = await process.stdout.read()
    await process.wait()
    if process.returncode != 0:
        raise WriterFailed(_words(process.returncode))
    return output


async def _how(process: asyncio.subprocess.Process) -> str:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _WAIT_S)
    return _words(process.returncode)


def _words(code: int | None) -> str:
    if code is not None and code < 0:
        return f"生成进程被中止（信号 {-code}），请重试"
    return "生成进程异常退出，请重试"

"""Write one report as an Excel file, in a process of its own (`python -m backend.reports.write_excel`).

Standard input: a line of JSON that says what the file is (`Book`), then lines with rows, "next" between two
sheets and "end" at last. Standard output: the number of rows of each sheet. The file appears under its name
only when it is whole. Constant memory: a row is on disk before the next one comes.
"""

import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import xlsxwriter
from msgspec import Struct

from backend.reports.excel_chart import ChartSpec, add_chart
from backend.reports.excel_sheet import SheetSpec, SheetWriter

NEXT, END = b'"next"', b'"end"'
MOST_MEMORY = 1 << 30  # Bytes of address space: a mistake ends this process and nothing else.
CUT_OFF = 3  # Exit code: the input ended before "end".

_ROWS = msgspec.json.Decoder(list[list[str | int | None]])


class Book(Struct, frozen=True, kw_only=True):
    path: str
    author: str
    title: str
    sheets: list[SheetSpec]
    chart: ChartSpec | None = None


class CutOff(Exception):
    """Whoever feeds us has gone."""


def work_folder(path: str) -> Path:
    """Return where everything unfinished of a file is: whoever ends the writing deletes it."""
    return Path(f"{path}.work")


def write_book(book: Book, lines: Iterator[bytes]) -> list[int]:
    """Write the file and return the number of rows of each sheet. Raises CutOff; nothing is left behind."""
    work = work_folder(book.path)
    work.mkdir(exist_ok=True)
    part = work / "book.xlsx"
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": str(work),
    }
    counts = []
    workbook = xlsxwriter.Workbook(str(part), options)
    workbook.set_properties({"title": book.title, "author": book.author})
    try:
        for number, spec in enumerate(book.sheets):
            writer = SheetWriter(workbook, spec)
            writer.begin()
            for line in lines:
                if line in (NEXT, END):
                    break
                writer.write(_ROWS.decode(line))
            else:
                raise CutOff
            if (line == END) is not (number == len(book.sheets) - 1):
                raise CutOff
            writer.end()
            counts.append(writer.count)
        if book.chart is not None:
            add_chart(workbook, book.chart)
        workbook.close()
        part.replace(book.path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return counts


def _lines(source: BinaryIO) -> Iterator[bytes]:
    for line in source:
        if stripped := line.strip():
            yield stripped


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    lines = _lines(sys.stdin.buffer)
    try:
        book = msgspec.json.decode(next(lines, b""), type=Book)
        counts = write_book(book, lines)
    except CutOff:
        return CUT_OFF
    sys.stdout.write(msgspec.json.encode(counts).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

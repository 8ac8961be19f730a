"""The file to fill in for an import (导入模板): headings, notes, drop-downs, text cells."""

import io
from collections.abc import Mapping, Sequence

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from backend.reports.import_columns import (
    METER_COLUMNS,
    METERS,
    MOST_ROWS,
    NOTES,
    PREPAID,
    PUBLIC,
    SHOP_COLUMNS,
    SHOPS,
    Column,
    Kind,
)

_CHOICES = "选项"
_RULES = (
    "1. 先填“商铺”，再填“电表”；第一行是标题，请不要改动，从第二行填起。",
    "2. 带 * 的列必填；编号一律按文本填写，不要用公式，长数字不要用科学计数。",
    "3. 上传后先试算：逐行检查并列出将要建立的内容，确认后才写入；有一处错误则全部不写入。",
    "4. 已在系统中的商铺编号和表号不能再导入；期初余额不在这里导入。",
    f"5. 每个表最多 {MOST_ROWS} 行。",
)


def import_template(choices: Mapping[str, Sequence[str]]) -> bytes:
    """Return an .xlsx to fill in. choices: column key -> what may be picked ("line", "profile", "tariff")."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    offered = {**choices, "kind": [PREPAID, PUBLIC]}
    sheets = {name: book.add_worksheet(name) for name in (SHOPS, METERS, NOTES, _CHOICES)}
    ranges = _write_choices(sheets[_CHOICES], offered)
    formats = {
        "needed": book.add_format({"bold": True, "bg_color": "#DCE8FB", "border": 1, "text_wrap": True}),
        "free": book.add_format({"bold": True, "bg_color": "#F1F3F6", "border": 1, "text_wrap": True}),
        "text": book.add_format({"num_format": "@"}),
        "number": book.add_format({"num_format": "General"}),
        "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
        "bold": book.add_format({"bold": True, "font_size": 13}),
    }
    for name, columns in ((SHOPS, SHOP_COLUMNS), (METERS, METER_COLUMNS)):
        _write_sheet(sheets[name], columns, formats, ranges)
    _write_notes(sheets[NOTES], formats)
    sheets[_CHOICES].hide()
    book.close()
    return out.getvalue()


def _write_sheet(
    sheet: xlsxwriter.worksheet.Worksheet,
    columns: Sequence[Column],
    formats: Mapping[str, xlsxwriter.format.Format],
    ranges: Mapping[str, str],
) -> None:
    sheet.freeze_panes(1, 0)
    sheet.set_row(0, 22)
    for index, column in enumerate(columns):
        style = formats["text" if column.kind is Kind.TEXT else "number"]
        sheet.set_column(index, index, column.width, style)
        sheet.write_string(
            0,
            index,
            f"{column.title}{'*' if column.needed else ''}",
            formats["needed" if column.needed else "free"],
        )
        sheet.write_comment(0, index, column.note, {"x_scale": 1.6})
        if column.key in ranges:
            rule = {"validate": "list", "source": ranges[column.key], "error_type": "warning"}
            sheet.data_validation(1, index, MOST_ROWS, index, rule)


def _write_choices(
    sheet: xlsxwriter.worksheet.Worksheet, offered: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Write what may be picked, a column each, and return where each list stands."""
    ranges = {}
    for index, (key, values) in enumerate(offered.items()):
        for row, value in enumerate(values):
            sheet.write_string(row, index, value)
        if values:
            letter = xl_col_to_name(index)
            ranges[key] = f"={_CHOICES}!${letter}$1:${letter}${len(values)}"
    return ranges


def _write_notes(
    sheet: xlsxwriter.worksheet.Worksheet, formats: Mapping[str, xlsxwriter.format.Format]
) -> None:
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 80, formats["wrap"])
    sheet.write_string(0, 0, "批量导入商铺与电表", formats["bold"])
    row = 1
    for rule in _RULES:
        sheet.write_string(row, 1, rule, formats["wrap"])
        row += 1
    for name, columns in ((SHOPS, SHOP_COLUMNS), (METERS, METER_COLUMNS)):
        row += 1
        sheet.write_string(row, 0, f"“{name}”的各列", formats["bold"])
        for column in columns:
            row += 1
            sheet.write_string(row, 0, f"{column.title}{'*' if column.needed else ''}")
            sheet.write_string(row, 1, column.note, formats["wrap"])
        row += 1

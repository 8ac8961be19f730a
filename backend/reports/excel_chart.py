"""The report's chart as a chart of Excel's own (图表), beside the figures it is drawn from."""

from typing import Any

from msgspec import Struct

from backend.reports.excel_sheet import FORMATS, number_of

_SHEET = "图表"
_COLOURS = ["#1F5FD6", "#0B7A4B", "#A15C00", "#5B3FB5", "#B42318", "#4F82E0", "#5C6470"]
_PAST = "#5C6470"
_BY_NAME = {
    "尖峰": "#B42318",
    "高峰": "#C2410C",
    "平段": "#1F5FD6",
    "低谷": "#0B7A4B",
    "深谷": "#0B6B6B",
    "断电": "#B42318",
    "送电": "#0B7A4B",
    "待核或不计费": "#C2410C",
}
_DATA_AT = 26  # Rows below the picture.


class SeriesSpec(Struct, frozen=True):
    name: str
    unit: str
    values: list[int | None]
    line: bool
    stack: str


class ChartSpec(Struct, frozen=True):
    title: str
    categories: list[str]
    series: list[SeriesSpec]


def add_chart(workbook: Any, spec: ChartSpec) -> None:
    """Add a sheet with the chart and its figures; nothing where there is nothing to draw."""
    if not spec.categories or not spec.series:
        return
    sheet = workbook.add_worksheet(_SHEET)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, len(spec.series), 14)
    bars, lines = (_chart(workbook, spec, line) for line in (False, True))
    chart = bars or lines
    if bars is not None and lines is not None:
        bars.combine(lines)
    chart.set_title({"name": spec.title, "name_font": {"size": 13}})
    chart.set_legend({"position": "bottom"})
    chart.set_y_axis({"num_format": FORMATS[spec.series[0].unit], "major_gridlines": {"visible": True}})
    chart.set_size({"width": 1_060, "height": 480})
    sheet.insert_chart(0, 0, chart)
    head = workbook.add_format({"bold": True, "bg_color": "#ECF2FC"})
    for number, one in enumerate(spec.series):
        sheet.write_string(_DATA_AT, 1 + number, one.name, head)
    looks = [workbook.add_format({"num_format": FORMATS[one.unit]}) for one in spec.series]
    for at, name in enumerate(spec.categories):
        sheet.write_string(_DATA_AT + 1 + at, 0, name)
        for number, one in enumerate(spec.series):
            value = one.values[at]
            if value is not None:
                sheet.write_number(_DATA_AT + 1 + at, 1 + number, number_of(value, one.unit), looks[number])


def _chart(workbook: Any, spec: ChartSpec, line: bool) -> Any:
    """Return a chart of the bars, or of the lines; None where there are none."""
    chosen = [(number, one) for number, one in enumerate(spec.series) if one.line is line]
    if not chosen:
        return None
    options = {"type": "line"} if line else {"type": "column"}
    if not line and any(one.stack for _, one in chosen):
        options["subtype"] = "stacked"
    chart = workbook.add_chart(options)
    first, last = _DATA_AT + 1, _DATA_AT + len(spec.categories)
    for number, one in chosen:
        colour = _BY_NAME.get(one.name) or (_PAST if line else _COLOURS[number % len(_COLOURS)])
        chart.add_series(
            {
                "name": [_SHEET, _DATA_AT, 1 + number],
                "categories": [_SHEET, first, 0, last, 0],
                "values": [_SHEET, first, 1 + number, last, 1 + number],
                "gap": 60,
                **({"line": {"color": colour, "width": 2}} if line else {"fill": {"color": colour}}),
            }
        )
    return chart

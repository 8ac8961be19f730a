"""Turn msgspec's complaints about a request into sentences for people, by field (填写错误)."""

import re

import msgspec

from backend.errors import Invalid
from common.units import yuan_text

_WHERE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"contains unknown field `([^`]+)`")
_BOUND = re.compile(r"^Expected `(?:int|float)(?: \| null)?` (>=|<=|>|<) (-?[\d.]+)$")
_LENGTH = re.compile(r"^Expected `(\w+)(?: \| null)?` of length (?:(>=|<=) )?(\d+)$")
_TYPE = re.compile(r"^Expected `([^`]+)`, got `([^`]+)`$")

_BOUND_WORDS = {">=": "不能小于", "<=": "不能大于", ">": "必须大于", "<": "必须小于"}
_LENGTH_WORDS = {">=": "至少", "<=": "最多", None: "须为"}
_TYPE_WORDS = {
    "int": "整数",
    "float": "数字",
    "decimal": "数字",
    "str": "文字",
    "bool": "是或否",
    "array": "列表",
    "object": "一组内容",
    "datetime": "时间",
    "date": "日期",
    "uuid": "编号",
}
_FORMATS = (
    ("Invalid enum value", "不在可选范围内"),
    ("Invalid value", "不在可选范围内"),
    ("datetime", "时间格式不正确，应带时区"),
    ("encoded date", "日期格式不正确，应为 年-月-日"),
    ("UUID", "编号格式不正确"),
    ("matching regex", "格式不正确"),
    ("multiple of", "数值不合要求"),
    ("base64", "编码不正确"),
)


def invalid_from(error: msgspec.ValidationError) -> Invalid:
    """Return the complaint as an error with the field it is about; "" is the request as a whole."""
    match = _WHERE.match(str(error))
    what, path = (match["what"], match["path"] or "$") if match else (str(error), "$")
    field = path.rpartition("in ")[2].lstrip("$").lstrip(".")
    if found := _MISSING.search(what):
        return Invalid(fields={_join(field, found[1]): "必填"})
    if found := _UNKNOWN.search(what):
        return Invalid(fields={_join(field, found[1]): "没有这一项"})
    return Invalid(fields={field: _sentence(what, field)})


def _join(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _sentence(what: str, field: str) -> str:
    if found := _BOUND.match(what):
        number = found[2]
        # People think in yuan; the bound of a *_fen field is in fen.
        shown = f"{yuan_text(int(number))} 元" if field.endswith("_fen") and "." not in number else number
        return f"{_BOUND_WORDS[found[1]]} {shown}"
    if found := _LENGTH.match(what):
        unit = "个字" if found[1] == "str" else "项"
        return f"{_LENGTH_WORDS[found[2]]} {found[3]} {unit}"
    if found := _TYPE.match(what):
        kinds = [_TYPE_WORDS.get(one.strip(), "") for one in found[1].split("|")]
        wanted = "或".join(one for one in kinds if one)
        return f"应为{wanted}" if wanted else "类型不正确"
    return next((sentence for word, sentence in _FORMATS if word in what), "填写不正确")

"""Every complaint of msgspec becomes a sentence about its field."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta, Struct

from backend.complaints import invalid_from


class Floor(StrEnum):
    B1 = "B1"


class Row(Struct, forbid_unknown_fields=True):
    price_fen: Annotated[int, Meta(lt=100)] = 1


class Form(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=2, max_length=4)] = "ab"
    code: Annotated[str, Meta(pattern=r"^\d{6}$")] = "123456"
    ratio: Annotated[float, Meta(gt=0.5)] = 1.0
    step: Annotated[int, Meta(multiple_of=10)] = 10
    count: Annotated[int, Meta(ge=3)] | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None
    on: date | None = None
    ref: UUID | None = None
    floor: Floor = Floor.B1
    rows: Annotated[list[Row], Meta(min_length=1, max_length=2)] | None = None
    pair: tuple[int, int] | None = None
    by_name: dict[str, int] | None = None
    kept: bool = False


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"name": "a"}, "name", "至少 2 个字"),
        ({"name": "abcde"}, "name", "最多 4 个字"),
        ({"name": None}, "name", "应为文字"),
        ({"code": "12345x"}, "code", "格式不正确"),
        ({"ratio": 0.5}, "ratio", "必须大于 0.5"),
        ({"step": 11}, "step", "数值不合要求"),
        ({"count": 2}, "count", "不能小于 3"),
        ({"count": "3"}, "count", "应为整数"),
        ({"at": "2026-03-02T08:00:00"}, "at", "时间格式不正确，应带时区"),
        ({"at": "yesterday"}, "at", "时间格式不正确，应带时区"),
        ({"on": "2026-02-30"}, "on", "日期格式不正确，应为 年-月-日"),
        ({"ref": "x"}, "ref", "编号格式不正确"),
        ({"floor": "B9"}, "floor", "不在可选范围内"),
        ({"rows": []}, "rows", "至少 1 项"),
        ({"rows": [{}, {}, {}]}, "rows", "最多 2 项"),
        ({"rows": [{}, {"price_fen": 100}]}, "rows[1].price_fen", "不能大于 0.99 元"),
        ({"rows": [{"tax": 1}]}, "rows[0].tax", "没有这一项"),
        ({"pair": [1]}, "pair", "须为 2 项"),
        ({"by_name": {"a": "b"}}, "by_name[...]", "应为整数"),
        ({"kept": 1}, "kept", "应为是或否"),
        ([], "", "应为一组内容"),
    ],
)
def test_a_complaint_names_its_field_in_chinese(given: Any, field: str, sentence: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode(given), type=Form)

    assert invalid_from(caught.value).fields == {field: sentence}


def test_an_unknown_complaint_still_names_its_field() -> None:
    error = msgspec.ValidationError("Something new - at `$.power_limit_w`")

    assert invalid_from(error).fields == {"power_limit_w": "填写不正确"}

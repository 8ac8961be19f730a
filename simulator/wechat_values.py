"""What the values of a message may hold, by the type in their name (参数值内容限制).

`thing1` is of type `thing`; the limits are those that WeChat publishes for message parameters.
"""

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"^([a-z_]+?)\d+$")
_TIME = r"\d{1,2}:\d{2}(:\d{2})?"
_DATE = r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}[-/.]\d{1,2}[-/.]\d{1,2})"
_LIMITS: dict[str, re.Pattern[str]] = {
    "thing": re.compile(r"^.{1,20}$"),
    "number": re.compile(r"^-?\d{1,32}(\.\d{1,10})?$"),
    "letter": re.compile(r"^[A-Za-z]{1,32}$"),
    "symbol": re.compile(r"^[^\w\s]{1,5}$"),
    "character_string": re.compile(r"^[!-~]{1,32}$"),
    "time": re.compile(rf"^({_DATE} ?)?{_TIME}(~({_DATE} ?)?{_TIME})?$|^{_DATE}$"),
    "date": re.compile(rf"^{_DATE}( ?{_TIME})?$"),
    "amount": re.compile(r"^[¥￥$]?\d{1,10}(\.\d{1,2})?元?$"),
    "phone_number": re.compile(r"^[\d+\-() ]{1,17}$"),
    "car_number": re.compile(r"^.{1,8}$"),
    "name": re.compile(r"^([一-鿿·]{1,10}|[A-Za-z .]{1,20})$"),
    "phrase": re.compile(r"^[一-鿿]{1,5}$"),
    "const": re.compile(r"^.{1,20}$"),
    "enum": re.compile(r"^.{1,20}$"),
}


def bad_value(data: Mapping[str, Any]) -> str | None:
    """Name the first value that WeChat would refuse, as its message does; None when all may pass."""
    if not data:
        return "data"
    for name, holder in data.items():
        match = _NAME.fullmatch(name)
        limit = _LIMITS.get(match[1]) if match else None
        value = holder.get("value") if isinstance(holder, dict) else None
        if limit is None or not isinstance(value, str) or not limit.fullmatch(value):
            return f"data.{name}.value"
    return None

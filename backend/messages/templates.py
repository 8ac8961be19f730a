"""What messages say, and how it fits a provider's template (模板内容).

`compose` gives named values in Chinese; a template in the settings says where each goes. A setting is
the template's id alone, or the id and its places: "ID|shop=thing4|balance=amount3" for WeChat, whose
library numbers the fields, and "ID|shop|state" for SMS, whose places are an order.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from backend.errors import ConfigError
from backend.messages.port import NoticeLevel
from common.clock import local
from common.units import Fen, yuan_text

VALUE_NAMES = ("shop", "balance", "state", "at", "hint", "code", "minutes")
WECHAT_FIELDS = {"shop": "thing1", "balance": "amount2", "state": "thing3", "at": "time4", "hint": "thing5"}
SMS_ORDER = ("shop", "balance", "state", "hint")
CODE_ORDER = ("code", "minutes")  # As the provider's own templates of that kind have it.

_FIELD = re.compile(r"^([a-z_]+?)\d{1,3}$")
_AMOUNT = re.compile(r"^-?\d{1,10}(\.\d{1,2})?$")
_MOMENT = re.compile(r"^\d{4}年\d{1,2}月\d{1,2}日( \d{2}:\d{2})?$")
_LONGEST = {"thing": 20, "phrase": 5, "character_string": 32, "const": 20, "enum": 20, "name": 10}
_KINDS = {*_LONGEST, "amount", "number", "time", "date"}

_HINTS = {
    NoticeLevel.LOW: "余额偏低，请及时交电费",
    NoticeLevel.CRITICAL: "余额即将用完，请尽快交电费",
    NoticeLevel.LAST: "余额已用完，请立即交电费",
    NoticeLevel.TRIPPED: "因欠费已断电，交费后自动送电",
    NoticeLevel.RESTORED: "已恢复送电，请检查用电设备",
    NoticeLevel.POWER: "请立即减少用电，否则将断电",
    NoticeLevel.TEST: "这是一条测试提醒，无需处理",
    NoticeLevel.CODE: "请勿把验证码告诉他人",
}


class BadValue(Exception):
    """A value cannot be put into its place in a provider's template."""


class NoticeFacts(Struct, frozen=True, kw_only=True):
    """What a notice is about. estimated_fen: 预估可用余额, may be negative; days: None when unknown."""

    shop: str
    estimated_fen: Fen
    at: datetime
    days: float | None = None
    trip_at: datetime | None = None  # LAST: the earliest moment of the trip.


class WechatTemplate(Struct, frozen=True):
    """A template of the mini-program or the service account. fields: our name -> WeChat's field."""

    template_id: str
    fields: dict[str, str]

    def fill(self, values: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Fit the values to WeChat's limits (参数值内容限制). Raises BadValue."""
        return {field: {"value": _fit(field, _value(values, name))} for name, field in self.fields.items()}


class SmsTemplate(Struct, frozen=True):
    """An SMS template with its values in order."""

    template_id: str
    order: tuple[str, ...]

    def fill(self, values: Mapping[str, str]) -> list[str]:
        """Raises BadValue when a value is missing or empty."""
        return [_value(values, name) for name in self.order]


def compose(level: NoticeLevel, facts: NoticeFacts) -> dict[str, str]:
    """Say what happened, in named values (组织通知内容): shop, balance, state, at, hint."""
    hint = _HINTS[level]
    if level is NoticeLevel.LAST and facts.trip_at is not None:
        trip_at = local(facts.trip_at)
        hint = f"最早{trip_at.month}月{trip_at.day}日{trip_at:%H:%M}断电，请交费"
    at = local(facts.at)
    return {
        "shop": facts.shop,
        "balance": yuan_text(facts.estimated_fen).replace(",", ""),
        "state": _state(level, facts),
        "at": f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}",
        "hint": hint,
    }


def code_values(code: str, minutes: int) -> dict[str, str]:
    """Say a code that proves a phone (验证码). It names neither shop nor person."""
    return {"code": code, "minutes": str(minutes)}


def _state(level: NoticeLevel, facts: NoticeFacts) -> str:
    if level is NoticeLevel.RESTORED:
        return "已恢复送电"
    if level is NoticeLevel.POWER:
        return "用电功率超过限值"
    if facts.estimated_fen < 0:
        return f"已欠费{yuan_text(-facts.estimated_fen)}元"
    if level in {NoticeLevel.LAST, NoticeLevel.TRIPPED}:
        return "余额已用完"
    if facts.days is None:
        return "可用天数暂无法估算"
    return f"约可用{int(facts.days)}天" if facts.days >= 1 else "可用不足1天"


def wechat_templates(settings: Mapping[str, str], variable: str) -> dict[NoticeLevel, WechatTemplate]:
    """Read a setting of WeChat templates. Raises ConfigError naming the variable."""
    templates = {}
    for level, template_id, places in _read(settings, variable):
        fields = dict(place.partition("=")[::2] for place in places) or dict(WECHAT_FIELDS)
        for name, field in fields.items():
            match = _FIELD.match(field)
            if name not in VALUE_NAMES or match is None or match[1] not in _KINDS:
                raise ConfigError(f"{variable} gives {level} a place that is not known: {name}={field}")
        templates[level] = WechatTemplate(template_id, fields)
    return templates


def sms_templates(settings: Mapping[str, str], variable: str) -> dict[NoticeLevel, SmsTemplate]:
    """Read a setting of SMS templates. Raises ConfigError naming the variable."""
    templates = {}
    for level, template_id, places in _read(settings, variable):
        order = tuple(places) or (CODE_ORDER if level is NoticeLevel.CODE else SMS_ORDER)
        for name in order:
            if name not in VALUE_NAMES:
                raise ConfigError(f"{variable} gives {level} a value that is not known: {name}")
        templates[level] = SmsTemplate(template_id, order)
    return templates


def template_id(setting: str) -> str:
    """Return the id alone: what the phone asks consent for and the consent ledger counts by."""
    return setting.partition("|")[0]


def _read(settings: Mapping[str, str], variable: str) -> list[tuple[NoticeLevel, str, list[str]]]:
    read = []
    for name, setting in settings.items():
        if name.upper() not in NoticeLevel.__members__:
            known = ", ".join(NoticeLevel.__members__)
            raise ConfigError(f"{variable} names a level that is not known: {name} (known: {known})")
        head, *places = setting.split("|")
        if not head:
            raise ConfigError(f"{variable} gives {name} no template id")
        read.append((NoticeLevel[name.upper()], head, places))
    return read


def _value(values: Mapping[str, str], name: str) -> str:
    # Characters outside of the basic plane count twice at some providers and are refused at others.
    kept = "".join(char for char in values.get(name, "") if char.isprintable() and ord(char) < 0x10000)
    text = " ".join(kept.split())
    if not text:
        raise BadValue(f"no value for {name}")
    return text


def _fit(field: str, text: str) -> str:
    match = _FIELD.match(field)
    kind = match[1] if match else ""
    if kind in {"amount", "number"}:
        if not _AMOUNT.match(text):
            raise BadValue(f"{field} must be an amount, not {text!r}")
        # WeChat knows no negative amount; what is owed stands in the state.
        return text if kind == "number" else "0.00元" if text.startswith("-") else f"{text}元"
    if kind in {"time", "date"}:
        if not _MOMENT.match(text):
            raise BadValue(f"{field} must be a time, not {text!r}")
        return text
    if kind == "character_string" and not text.isascii():
        raise BadValue(f"{field} may hold no Chinese: {text!r}")
    longest = _LONGEST[kind]
    if len(text) <= longest:
        return text
    # A cut name is still understood; a cut amount or state would mislead.
    return text[:longest] if kind in {"phrase", "name"} else text[: longest - 1] + "…"

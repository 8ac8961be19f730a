"""Names and text keys of the simulated world: apps, merchant, templates, SMS account (名称).

All are drawn from one random source, so that a seed gives the same names again.
"""

import random
from dataclasses import dataclass
from typing import Any

MINI_PROGRAM = "mini-program"
SERVICE_ACCOUNT = "service-account"

# What the product sends messages about, as its settings name it, and the title of each template.
LEVELS = {
    "LOW": "余额提醒",
    "CRITICAL": "余额不足提醒",
    "LAST": "停电提醒",
    "TRIPPED": "断电通知",
    "RESTORED": "送电通知",
    "POWER": "用电超限提醒",
    "TEST": "测试消息",
}
SMS_LEVELS = {**LEVELS, "CODE": "验证码"}

_HEX = "0123456789abcdef"
_DIGITS = "0123456789"
_TEXT = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
# Last characters of 43 that decode to 32 bytes: the last one carries only four bits.
_AES_KEY_ENDS = "AEIMQUYcgkosw048"


@dataclass(frozen=True)
class AppNames:
    """A mini-program (小程序) or a service account (服务号)."""

    appid: str
    secret: str
    token: str
    aes_key: str  # EncodingAESKey, 43 characters.
    original_id: str  # gh_…, the ToUserName of its events.
    templates: dict[str, str]  # Level -> template id.

    def level_of(self, template_id: str) -> str | None:
        return _level_of(self.templates, template_id)


@dataclass(frozen=True)
class SmsNames:
    secret_id: str
    secret_key: str
    app_id: str
    sign_name: str
    receipt_token: str
    templates: dict[str, str]

    def level_of(self, template_id: str) -> str | None:
        return _level_of(self.templates, template_id)


@dataclass(frozen=True)
class WorldNames:
    mchid: str
    apiv3_key: str
    public_key_id: str
    mini_program: AppNames
    service_account: AppNames
    sms: SmsNames

    def app(self, name: str) -> AppNames:
        """Return "mini-program" or "service-account". Raises KeyError for another name."""
        return {MINI_PROGRAM: self.mini_program, SERVICE_ACCOUNT: self.service_account}[name]

    def app_name(self, appid: str) -> str | None:
        return {self.mini_program.appid: MINI_PROGRAM, self.service_account.appid: SERVICE_ACCOUNT}.get(appid)


def new_names(random_: random.Random) -> WorldNames:
    """Draw the names of a new world."""

    def draw(alphabet: str, count: int) -> str:
        return "".join(random_.choice(alphabet) for _ in range(count))

    def app() -> AppNames:
        return AppNames(
            appid="wx" + draw(_HEX, 16),
            secret=draw(_HEX, 32),
            token=draw(_TEXT, 24),
            aes_key=draw(_TEXT, 42) + random_.choice(_AES_KEY_ENDS),
            original_id="gh_" + draw(_HEX, 12),
            templates={level: draw(_TEXT, 43) for level in LEVELS},
        )

    return WorldNames(
        mchid="16" + draw(_DIGITS, 8),
        apiv3_key=draw(_TEXT, 32),
        public_key_id="PUB_KEY_ID_01" + draw(_DIGITS, 26),
        mini_program=app(),
        service_account=app(),
        sms=SmsNames(
            secret_id="AKID" + draw(_TEXT, 32),
            secret_key=draw(_TEXT, 32),
            app_id="1400" + draw(_DIGITS, 6),
            sign_name="预电",
            receipt_token=draw(_TEXT, 32),
            templates={level: "1" + draw(_DIGITS, 6) for level in SMS_LEVELS},
        ),
    )


def names_from(raw: dict[str, Any]) -> WorldNames:
    """Read names that `dataclasses.asdict` has written. Raises KeyError or TypeError."""
    return WorldNames(
        mchid=raw["mchid"],
        apiv3_key=raw["apiv3_key"],
        public_key_id=raw["public_key_id"],
        mini_program=AppNames(**raw["mini_program"]),
        service_account=AppNames(**raw["service_account"]),
        sms=SmsNames(**raw["sms"]),
    )


def _level_of(templates: dict[str, str], template_id: str) -> str | None:
    return next((level for level, known in templates.items() if known == template_id), None)

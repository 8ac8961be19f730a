"""What can go wrong, as a tree (错误). Each class has a stable code, a status and a Chinese sentence.

    AppError
    ├── NotFound   404  it is not there for this caller
    ├── Invalid    422  the request itself is wrong (400 when it cannot be read)
    ├── Refused    409  a rule forbids it: retrying changes nothing (401, 403, 429 below)
    └── Unsure     503  the other side may have acted: a job goes and asks

A broken invariant is a `Bug`: it stops the unit of work, because going on with bad money is worse.
"""

from typing import Any

from common.units import yuan_text


class Bug(Exception):
    """An invariant is broken. Never caught to carry on."""


class AppError(Exception):
    """Base of everything that a client may be told."""

    status = 500
    code = "error"
    message = "系统错误"

    def __init__(self, *, fields: dict[str, str] | None = None, **facts: Any) -> None:
        self.facts = facts
        self.fields = fields
        super().__init__(f"{self.code}: {facts}" if facts else self.code)

    def text(self) -> str:
        """Return the sentence for people; facts named *_fen are printed in yuan."""
        shown = {
            key: f"{yuan_text(value)} 元" if key.endswith("_fen") and isinstance(value, int) else value
            for key, value in self.facts.items()
        }
        return self.message.format_map(shown)


class NotFound(AppError):
    status = 404
    code = "not_found"
    message = "没有找到，或您无权查看"


class Invalid(AppError):
    status = 422
    code = "invalid"
    message = "填写有误，请检查"


class Unreadable(Invalid):
    """The body is no JSON at all."""

    status = 400
    code = "unreadable"
    message = "请求内容无法识别"


class Refused(AppError):
    status = 409
    code = "refused"
    message = "当前不能这样操作"


class SignInNeeded(Refused):
    status = 401
    code = "sign_in_needed"
    message = "请先登录"


class Forbidden(Refused):
    status = 403
    code = "forbidden"
    message = "您没有这项权限，请联系管理员"


class TooMany(Refused):
    status = 429
    code = "too_many"
    message = "操作太频繁，请稍后再试"


class Unsure(AppError):
    status = 503
    code = "unsure"
    message = "对方尚未答复，系统会继续核对，请勿重复操作"


class ChannelUnsure(Unsure):
    """The payment channel did not answer, or its answer cannot be trusted."""

    code = "channel_unsure"
    message = "支付渠道尚未答复，系统会自动核对，请勿重复付款"


class ChannelRefused(Refused):
    """The payment channel said no and will say no again."""

    code = "channel_refused"
    message = "支付渠道拒绝了这笔订单（{channel_code}）"


class ConfigError(Exception):
    """A setting is missing or wrong: one sentence naming the variable; the program exits with 2."""

"""WeChat as a message channel and as the tenant's identity (微信): subscribe, template, login."""

from typing import Any

from backend.errors import NotFound, TooMany
from backend.messages.port import (
    ChannelName,
    LoginBlocked,
    LoginCodeRefused,
    Message,
    NoticeLevel,
    SendResult,
    SendState,
    WechatIdentity,
    WechatRefused,
    WechatUnsure,
)
from backend.messages.templates import BadValue, WechatTemplate
from backend.messages.wechat_api import TOKEN_CODES, ApiRefused, ApiSilent, WechatApi

SUBSCRIBE_PATH = "cgi-bin/message/subscribe/send"
TEMPLATE_PATH = "cgi-bin/message/template/send"

USER_REFUSES = 43101  # The person has refused, or no consent is left.
NOT_FOLLOWING = 43004
BAD_OPENID = 40003
BAD_TEMPLATE = 40037
BAD_ARGUMENT = 47003
QUOTA_USED_UP = 45009
SYSTEM_BUSY = -1
# Nothing was done, and a later try may be taken: busy, a token that could not be renewed, call rates.
_RETRYABLE = {SYSTEM_BUSY, QUOTA_USED_UP, 45011, *TOKEN_CODES}

_WRONG_CODE = {40029, 40163, 41008}  # Invalid, used before, missing.
_HIGH_RISK = 40226
_TOO_FAST = 45011
_CODE_CHARS = 128


class SubscribeChannel:
    """Mini-program subscribe messages (订阅消息): one consent, one message."""

    name = ChannelName.SUBSCRIBE

    def __init__(self, api: WechatApi, templates: dict[NoticeLevel, WechatTemplate]) -> None:
        self._api = api
        self._templates = templates

    async def send(self, message: Message) -> SendResult:
        """Send one; a refusal 43101 says that WeChat holds no consent any more."""
        template = self._templates.get(message.level)
        if template is None:
            return _failed("no_template")
        try:
            request: dict[str, Any] = {
                "touser": message.address,
                "template_id": template.template_id,
                "miniprogram_state": "formal",
                "lang": "zh_CN",
                "data": template.fill(message.values),
            }
        except BadValue:
            return _failed("bad_value")
        if message.page:
            request["page"] = message.page
        return await _send(self._api, SUBSCRIBE_PATH, request, spends_consent=True)


class TemplateChannel:
    """Service-account template messages (模板消息): for those who follow the account."""

    name = ChannelName.TEMPLATE

    def __init__(
        self, api: WechatApi, templates: dict[NoticeLevel, WechatTemplate], mini_program_appid: str
    ) -> None:
        self._api = api
        self._templates = templates
        self._mini_program_appid = mini_program_appid

    async def send(self, message: Message) -> SendResult:
        """Send one; WeChat drops a repetition of the same delivery within ten minutes."""
        template = self._templates.get(message.level)
        if template is None:
            return _failed("no_template")
        try:
            request: dict[str, Any] = {
                "touser": message.address,
                "template_id": template.template_id,
                "client_msg_id": str(message.delivery_id),
                "data": template.fill(message.values),
            }
        except BadValue:
            return _failed("bad_value")
        if message.page:
            request["miniprogram"] = {"appid": self._mini_program_appid, "pagepath": message.page}
        return await _send(self._api, TEMPLATE_PATH, request, spends_consent=False)


async def code_to_session(api: WechatApi, code: str) -> WechatIdentity:
    """Tell who holds the phone (登录凭证校验). The session key is not kept.

    Errors: LoginCodeRefused, LoginBlocked, TooMany, WechatUnsure, WechatRefused.
    """
    if not 0 < len(code) <= _CODE_CHARS or not code.isascii():
        raise LoginCodeRefused
    try:
        answer = await api.get_by_secret(
            "sns/jscode2session", {"js_code": code, "grant_type": "authorization_code"}
        )
    except ApiRefused as error:
        raise _login_error(error.code) from None
    except ApiSilent:
        raise WechatUnsure from None
    return _identity(answer)


async def follower(api: WechatApi, openid: str) -> WechatIdentity:
    """Tell who follows the service account under an openid (获取用户基本信息).

    Errors: NotFound, WechatUnsure, WechatRefused.
    """
    try:
        answer = await api.get("cgi-bin/user/info", {"openid": openid, "lang": "zh_CN"})
    except ApiRefused as error:
        if error.code == BAD_OPENID:
            raise NotFound from None
        raise _api_error(error.code) from None
    except ApiSilent:
        raise WechatUnsure from None
    return _identity(answer)


async def _send(api: WechatApi, path: str, request: dict[str, Any], *, spends_consent: bool) -> SendResult:
    try:
        answer = await api.post(path, request)
    except ApiRefused as error:
        return SendResult(
            state=SendState.FAILED,
            code=str(error.code),
            retryable=error.code in _RETRYABLE,
            consent_gone=spends_consent and error.code == USER_REFUSES,
        )
    except ApiSilent as silent:
        if silent.is_sent:
            return SendResult(state=SendState.UNKNOWN, code=silent.why)
        return SendResult(state=SendState.FAILED, code=silent.why, retryable=True)
    if answer.get("errcode") != 0 or "msgid" not in answer:
        return SendResult(state=SendState.UNKNOWN, code="unreadable")
    return SendResult(
        state=SendState.ACCEPTED,
        provider_id=str(answer["msgid"]),
        code="0",
        spends_consent=spends_consent,
    )


def _failed(code: str) -> SendResult:
    return SendResult(state=SendState.FAILED, code=code)


def _identity(answer: dict[str, Any]) -> WechatIdentity:
    openid, unionid = answer.get("openid"), answer.get("unionid")
    if not isinstance(openid, str) or not openid:
        raise WechatUnsure
    return WechatIdentity(
        openid=openid,
        unionid=unionid if isinstance(unionid, str) and unionid else None,
        follows=answer.get("subscribe") == 1,
    )


def _login_error(code: int) -> Exception:
    if code in _WRONG_CODE:
        return LoginCodeRefused()
    if code == _HIGH_RISK:
        return LoginBlocked()
    if code == _TOO_FAST:
        return TooMany()
    return _api_error(code)


def _api_error(code: int) -> Exception:
    if code in _RETRYABLE:
        return WechatUnsure()
    return WechatRefused(wechat_code=code)

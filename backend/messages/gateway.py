"""All ways to people in one place (消息网关): what a Context hands to services."""

from collections.abc import Mapping
from typing import Protocol

from requests.adapters import BaseAdapter

from backend.errors import NotFound
from backend.messages import wechat
from backend.messages.blocking import Pool
from backend.messages.events import WechatEvent
from backend.messages.port import MessageChannel, Receipt, WechatIdentity
from backend.messages.sms import SmsChannel, read_receipts
from backend.messages.templates import sms_templates, wechat_templates
from backend.messages.wechat_api import WechatApi
from backend.messages.wechat_events import EventOpener
from backend.settings import Settings
from common.clock import Clock

MINI_PROGRAM = "mini-program"
SERVICE_ACCOUNT = "service-account"


class MessageGateway(Protocol):
    """Messages out, identities and events in. `app` is "mini-program" or "service-account"."""

    async def code_to_session(self, code: str) -> WechatIdentity:
        """Tell who holds the phone, from the code of wx.login (登录凭证校验).

        Errors: LoginCodeRefused, LoginBlocked, TooMany, WechatUnsure, WechatRefused.
        """
        ...

    async def follower(self, openid: str) -> WechatIdentity:
        """Tell who follows the service account under this openid (用户信息), for the unionid.

        Errors: NotFound (no service account, or no such person), WechatUnsure, WechatRefused.
        """
        ...

    def channel(self, name: str) -> MessageChannel | None:
        """Return "subscribe", "template" or "sms"; None where it is not set up."""
        ...

    def echo(self, app: str, query: Mapping[str, str]) -> str:
        """Return the text that proves our address to WeChat (接入验证). Errors: NotFound, EventRefused."""
        ...

    def open_event(self, app: str, query: Mapping[str, str], body: bytes) -> list[WechatEvent]:
        """Verify and open a pushed event; what is not for us is an empty list. No outgoing call.

        Errors: NotFound (no such app), EventRefused.
        """
        ...

    def open_sms_receipts(self, token: str, body: bytes) -> list[Receipt]:
        """Read pushed SMS receipts (短信回执). Errors: NotFound (wrong token), Unreadable."""
        ...

    async def close(self) -> None:
        """End the threads and connections. A second call is harmless."""
        ...


def build_messages(
    settings: Settings, clock: Clock, *, adapter: BaseAdapter | None = None, pool: Pool | None = None
) -> MessageGateway:
    """Set up what the settings name. Raises ConfigError for templates that cannot be.

    adapter: how synchronous requests travel (the simulator's, in memory); None: over the network.
    """
    return _Gateway(settings, clock, adapter, pool or Pool())


class _Gateway:
    """The real gateway: mini-program always, service account and SMS where they are set up."""

    def __init__(self, settings: Settings, clock: Clock, adapter: BaseAdapter | None, pool: Pool) -> None:
        self._pool = pool
        self._sms_settings = settings.sms
        self._mini_program = WechatApi(settings.mini_program, pool, clock, adapter)
        self._service_account: WechatApi | None = None
        self._sms: SmsChannel | None = None
        self._openers = {MINI_PROGRAM: EventOpener(settings.mini_program, clock)}
        templates = wechat_templates(settings.mini_program.templates, "PREWATT_WECHAT_TEMPLATES")
        self._channels: dict[str, MessageChannel] = {
            "subscribe": wechat.SubscribeChannel(self._mini_program, templates)
        }
        if settings.service_account is not None:
            account = settings.service_account
            self._service_account = WechatApi(account, pool, clock, adapter)
            self._openers[SERVICE_ACCOUNT] = EventOpener(account, clock)
            templates = wechat_templates(account.templates, "PREWATT_WECHAT_MP_TEMPLATES")
            self._channels["template"] = wechat.TemplateChannel(
                self._service_account, templates, settings.mini_program.appid
            )
        if settings.sms is not None:
            by_level = sms_templates(settings.sms.templates, "PREWATT_SMS_TEMPLATES")
            self._sms = SmsChannel(settings.sms, by_level, pool, clock, adapter)
            self._channels["sms"] = self._sms

    async def code_to_session(self, code: str) -> WechatIdentity:
        return await wechat.code_to_session(self._mini_program, code)

    async def follower(self, openid: str) -> WechatIdentity:
        if self._service_account is None:
            raise NotFound
        return await wechat.follower(self._service_account, openid)

    def channel(self, name: str) -> MessageChannel | None:
        return self._channels.get(name)

    def echo(self, app: str, query: Mapping[str, str]) -> str:
        return self._opener(app).echo(query)

    def open_event(self, app: str, query: Mapping[str, str], body: bytes) -> list[WechatEvent]:
        return self._opener(app).open(query, body)

    def open_sms_receipts(self, token: str, body: bytes) -> list[Receipt]:
        if self._sms_settings is None:
            raise NotFound
        return read_receipts(self._sms_settings, token, body)

    async def close(self) -> None:
        self._pool.close()
        self._mini_program.close()
        if self._service_account is not None:
            self._service_account.close()
        if self._sms is not None:
            self._sms.close()

    def _opener(self, app: str) -> EventOpener:
        opener = self._openers.get(app)
        if opener is None:
            raise NotFound
        return opener

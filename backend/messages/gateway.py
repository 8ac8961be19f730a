"""All ways to people in one place (消息网关): what a Context hands to services."""

from collections.abc import Mapping
from typing import Protocol

from backend.messages.events import WechatEvent
from backend.messages.port import MessageChannel, Receipt, WechatIdentity


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

"""Calls to api.weixin.qq.com through wechatpy (微信接口), with our own tokens and typed outcomes.

wechatpy maps answers; it never sees a token store, because its own has no lock, and retries without end.
"""

from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from backend.logs import logger
from backend.messages.blocking import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, Busy, Pool
from backend.messages.port import WechatRefused, WechatUnsure
from backend.messages.wechat_token import AccessTokens
from backend.settings import WechatAppSettings
from common.clock import Clock

TOKEN_CODES = {40001, 40014, 42001}

_log = logger(__name__)


class ApiRefused(Exception):
    """WeChat answered with an error code: it did nothing."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class ApiSilent(Exception):
    """No answer that can be read. `is_sent`: WeChat may have acted. `why`: a word for people."""

    def __init__(self, why: str, *, is_sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.is_sent = is_sent


class WechatApi:
    """One app's API. adapter: how requests travel; None: over the network."""

    def __init__(
        self, settings: WechatAppSettings, pool: Pool, clock: Clock, adapter: BaseAdapter | None = None
    ) -> None:
        self.settings = settings
        self._pool = pool
        self._http = new_session(adapter)
        self._tokens = AccessTokens(settings, self._http, pool, clock)
        self._client = WeChatClient(
            settings.appid,
            settings.secret,
            timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S),
            auto_retry=False,
        )
        self._client.API_BASE_URL = f"{settings.api_base_url}/"
        self._client._http.close()
        self._client._http = self._http

    async def post(self, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Call with a token; a token that is refused is renewed once. Errors: ApiRefused, ApiSilent."""
        return await self._with_token(
            lambda token: self._client.post(path, params={"access_token": token}, data=dict(data)), path
        )

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Ask with a token, like `post`. Errors: ApiRefused, ApiSilent."""
        return await self._with_token(
            lambda token: self._client.get(path, params={**params, "access_token": token}), path
        )

    async def get_by_secret(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Ask with appid and secret in place of a token. Errors: ApiRefused, ApiSilent."""
        # A token of None keeps wechatpy from adding one, and requests leaves it out.
        given = {"appid": self.settings.appid, "secret": self.settings.secret, **params, "access_token": None}
        return await self._call(lambda: self._client.get(path, params=given), path)

    def close(self) -> None:
        self._http.close()

    async def _with_token(self, call: Callable[[str], Any], path: str) -> dict[str, Any]:
        try:
            token = await self._tokens.get()
            try:
                return await self._call(lambda: call(token), path)
            except ApiRefused as error:
                if error.code not in TOKEN_CODES:
                    raise
            renewed = await self._tokens.renew(token)
        except WechatUnsure:
            raise ApiSilent("no_token", is_sent=False) from None
        except WechatRefused as error:
            raise ApiRefused(int(error.facts["wechat_code"])) from None
        return await self._call(lambda: call(renewed), path)

    async def _call(self, call: Callable[[], Any], path: str) -> dict[str, Any]:
        try:
            answer = await self._pool.run(call)
        except WeChatClientException as error:
            if error.errcode is None:
                raise self._silent(path, "http_error", is_sent=True) from None
            _log.warning("wechat_refuses", path=path, code=error.errcode, appid=self.settings.appid)
            raise ApiRefused(error.errcode) from None
        except Busy:
            raise self._silent(path, "busy", is_sent=False) from None
        except TimeoutError:
            raise self._silent(path, "timeout", is_sent=True) from None
        except requests.RequestException as error:
            # Never chained or printed: the address in its text holds the secret or the token.
            why, is_sent = why_silent(error)
            raise self._silent(path, why, is_sent=is_sent) from None
        except (ValueError, TypeError):
            raise self._silent(path, "unreadable", is_sent=True) from None
        if not isinstance(answer, dict):
            raise self._silent(path, "unreadable", is_sent=True)
        return answer

    def _silent(self, path: str, why: str, *, is_sent: bool) -> ApiSilent:
        _log.warning("wechat_silent", path=path, why=why, appid=self.settings.appid)
        return ApiSilent(why, is_sent=is_sent)


def new_session(adapter: BaseAdapter | None) -> requests.Session:
    """Make a session; an adapter takes the place of the network and of every proxy."""
    http = requests.Session()
    if adapter is not None:
        http.trust_env = False
        http.mount("http://", adapter)
        http.mount("https://", adapter)
    return http


def why_silent(error: requests.RequestException) -> tuple[str, bool]:
    """Return a word for a network fault, and whether the other side may have got the request."""
    if isinstance(error, requests.ConnectTimeout):
        return "not_reached", False
    if isinstance(error, requests.Timeout):
        return "timeout", True
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError):
        return "not_reached", False
    return "cut_off", True

"""Access tokens of one WeChat app (接口调用凭据), by the stable call.

In its normal mode the call gives every asker the same token until five minutes before its end, so
processes need not share a store; inside one process a lock lets one task ask for all.
"""

import asyncio
from collections import deque
from datetime import datetime, timedelta

import requests

from backend.logs import logger
from backend.messages.blocking import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, Busy, Pool
from backend.messages.port import WechatRefused, WechatUnsure
from backend.settings import WechatAppSettings
from common.clock import Clock

# A new token is given in the last 300 s of the old one, and both are good in that time.
ASK_BEFORE_END = timedelta(seconds=200)
FORCED_EVERY = timedelta(seconds=30)
FORCED_A_DAY = 20

_BUSY_CODES = {-1, 45009, 45011}

_log = logger(__name__)


class AccessTokens:
    """The token of one app, kept in memory."""

    def __init__(self, settings: WechatAppSettings, http: requests.Session, pool: Pool, clock: Clock) -> None:
        self._settings = settings
        self._http = http
        self._pool = pool
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._ends_at: datetime | None = None
        self._forced: deque[datetime] = deque(maxlen=FORCED_A_DAY)

    async def get(self) -> str:
        """Return a good token, asking for one when needed. Errors: WechatUnsure, WechatRefused."""
        if not self._is_fresh():
            async with self._lock:
                if not self._is_fresh():
                    await self._refresh()
        return self._token

    async def renew(self, rejected: str) -> str:
        """Return another token than the one that was just refused; harmless for many callers at once.

        Another program may have forced it out: then the normal call knows the new one. Only when it
        gives the same again is a new one forced, within the call's own limits.
        Errors: WechatUnsure, WechatRefused.
        """
        async with self._lock:
            if self._token != rejected and self._is_fresh():
                return self._token
            await self._ask(force=False)
            if self._token == rejected:
                self._count_force()
                await self._ask(force=True)
            return self._token

    def _is_fresh(self) -> bool:
        return self._ends_at is not None and self._clock.now() < self._ends_at - ASK_BEFORE_END

    async def _refresh(self) -> None:
        try:
            await self._ask(force=False)
        except WechatUnsure:
            if self._ends_at is None or self._clock.now() >= self._ends_at:
                raise  # Otherwise the old one is good for some minutes more.

    def _count_force(self) -> None:
        now = self._clock.now()
        is_used_up = len(self._forced) == FORCED_A_DAY and now - self._forced[0] < timedelta(days=1)
        if is_used_up or (self._forced and now - self._forced[-1] < FORCED_EVERY):
            raise WechatUnsure
        self._forced.append(now)

    async def _ask(self, *, force: bool) -> None:
        request: dict[str, str | bool] = {
            "grant_type": "client_credential",
            "appid": self._settings.appid,
            "secret": self._settings.secret,
            "force_refresh": force,
        }
        try:
            answer = await self._pool.run(lambda: self._post(request))
        except (Busy, TimeoutError, requests.RequestException, ValueError) as error:
            # Never chained or printed: the text of the error holds the secret.
            _log.warning("wechat_token_silent", appid=self._settings.appid, error=type(error).__name__)
            raise WechatUnsure from None
        code, token, left_s = answer.get("errcode", 0), answer.get("access_token"), answer.get("expires_in")
        if code in _BUSY_CODES:
            raise WechatUnsure
        if code:
            _log.error("wechat_token_refused", appid=self._settings.appid, code=code)
            raise WechatRefused(wechat_code=code)
        if not isinstance(token, str) or not token or not isinstance(left_s, int):
            raise WechatUnsure
        self._token = token
        self._ends_at = self._clock.now() + timedelta(seconds=left_s)

    def _post(self, request: dict[str, str | bool]) -> dict[str, object]:
        response = self._http.post(
            f"{self._settings.api_base_url}/cgi-bin/stable_token",
            json=request,
            timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S),
            allow_redirects=False,
        )
        response.raise_for_status()
        answer = response.json()
        if not isinstance(answer, dict):
            raise ValueError("no JSON object")
        return answer

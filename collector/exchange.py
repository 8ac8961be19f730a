"""One request to the backend, and repeating it until it works (上行请求)."""

import random
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import msgspec
import structlog

from collector.settings import CollectorSettings
from common.clock import Clock

VERSION = "0.1.0"
RETRY_S, MAX_RETRY_S = 0.2, 5.0
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 10.0

log = structlog.get_logger()
T = TypeVar("T")


class Exchange:
    """The collector's HTTP client, with its token."""

    def __init__(
        self, settings: CollectorSettings, http: httpx.AsyncClient, clock: Clock, random_: random.Random
    ) -> None:
        self._url, self._http, self._clock, self._random = settings.url, http, clock, random_
        self._headers = {
            "authorization": f"Bearer {settings.token}",
            "content-type": "application/json",
            "user-agent": f"prewatt-collector/{VERSION} ({settings.collector_id})",
        }

    async def get(self, path: str, headers: dict[str, str]) -> httpx.Response:
        """Raises httpx.HTTPError when nobody answers."""
        timeout = httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        return await self._http.get(self._url + path, headers={**self._headers, **headers}, timeout=timeout)

    async def post(self, path: str, body: Any, type_: type[T], read_s: float = ANSWER_TIMEOUT_S) -> T:
        """Raises httpx.HTTPError, or msgspec.MsgspecError for an answer that cannot be read."""
        response = await self._http.post(
            self._url + path,
            content=msgspec.json.encode(body),
            headers=self._headers,
            timeout=httpx.Timeout(read_s, connect=CONNECT_TIMEOUT_S),
        )
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=type_)

    async def retried(self, exchange: Callable[[], Awaitable[T]]) -> T:
        """Repeat an exchange until it works, with growing waits; backend and disk are never given up."""
        delay_s, tries = RETRY_S, 0
        while True:
            try:
                result = await exchange()
            except (httpx.HTTPError, msgspec.MsgspecError, sqlite3.Error) as error:
                if tries == 0:
                    log.warning("exchange_failed", reason=f"{type(error).__name__}: {error}")
            else:
                if tries:
                    log.info("exchange_works_again", tries=tries)
                return result
            tries += 1
            await self._clock.sleep(delay_s * self._random.uniform(0.8, 1.2))
            delay_s = min(delay_s * 2, MAX_RETRY_S)

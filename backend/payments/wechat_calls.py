"""Calls to WeChat Pay v3 (请求): signed, limited in time, retried, their answers verified.

An answer is handed back only when it is definite: verified, or a refusal of our own signature. All
else is ChannelUnsure, because the channel may have acted.
"""

import asyncio
import random
import string
from typing import Any

import httpx
import msgspec
from msgspec import Struct
from structlog.stdlib import BoundLogger

from backend.errors import ChannelUnsure
from backend.logs import logger
from backend.payments.wechat_answers import Complaint, read_complaint
from backend.payments.wechat_crypto import Signer, Unverified, Verifier
from common.clock import Clock

TRIES = 2
WAIT_BEFORE_RETRY_S = 0.3
CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 5.0
TRY_TIMEOUT_S = 8.0  # One try in all, also against an answer that drips in.
ANSWER_LIMIT_BYTES = 256 * 1024

_USER_AGENT = "prewatt/0.1"
_NONCE_ALPHABET = string.ascii_uppercase + string.digits
_NONCE_CHARS = 32

_log = logger(__name__)


def new_nonce(random_: random.Random) -> str:
    return "".join(random_.choice(_NONCE_ALPHABET) for _ in range(_NONCE_CHARS))


class Answer(Struct, frozen=True):
    """A definite answer. `code`: the channel's error code, empty when it said yes."""

    status: int
    body: bytes
    code: str = ""

    @property
    def is_ok(self) -> bool:
        return self.status < 300


class Calls:
    """Signs and sends, one request at a time; a retry gets a new nonce and signature."""

    def __init__(
        self,
        base_url: str,
        client: httpx.AsyncClient,
        clock: Clock,
        random_: random.Random,
        signer: Signer,
        verifier: Verifier,
    ) -> None:
        self._base_url = base_url
        self._client = client
        self._clock = clock
        self._random = random_
        self._signer = signer
        self._verifier = verifier
        self._timeout = httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)

    async def call(self, method: str, target: str, body: dict[str, Any] | None = None) -> Answer:
        """Call and return a definite answer; safe to repeat. target: path with query.

        Errors: ChannelUnsure after TRIES without one.
        """
        content = b"" if body is None else msgspec.json.encode(body)
        for left in reversed(range(TRIES)):
            answer = await self._try(method, target, content)
            if answer is not None:
                return answer
            if left:
                await self._clock.sleep(WAIT_BEFORE_RETRY_S)
        raise ChannelUnsure()

    async def _try(self, method: str, target: str, content: bytes) -> Answer | None:
        """Return a definite answer or None; tells the log why there is none."""
        request = self._client.build_request(
            method, self._base_url + target, content=content, headers=self._headers(), timeout=self._timeout
        )
        sent_target = request.url.raw_path.decode("ascii")
        request.headers["Authorization"] = self._signer.authorization(
            method, sent_target, self._clock.now(), new_nonce(self._random), content
        )
        about = _log.bind(method=method, target=target.partition("?")[0])
        try:
            async with asyncio.timeout(TRY_TIMEOUT_S):
                response, text = await self._send(request)
        except (httpx.HTTPError, OSError, TimeoutError, _TooLong) as error:
            about.warning("wechat_pay_silent", error=type(error).__name__)
            return None
        return self._definite(response, text, about)

    async def _send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            text = b""
            async for part in response.aiter_bytes():
                text += part
                if len(text) > ANSWER_LIMIT_BYTES:
                    raise _TooLong
            return response, text
        finally:
            await response.aclose()

    def _definite(self, response: httpx.Response, text: bytes, about: BoundLogger) -> Answer | None:
        status = response.status_code
        about = about.bind(status=status, channel_request_id=response.headers.get("Request-ID", ""))
        if status == 401:
            # Never signed: WeChat signs only for whom it has recognised. Nothing was done.
            code = read_complaint(text).code or "SIGN_ERROR"
            about.error("wechat_pay_rejects_our_signature", code=code)
            return Answer(status, text, code)
        complaint = Complaint() if status < 300 else read_complaint(text)
        if status == 429 or status >= 500:
            # Said by WeChat or by a box on the way: either way it tells nothing about the order.
            about.warning("wechat_pay_busy", code=complaint.code)
            return None
        try:
            self._verifier.check(response.headers, text, self._clock.now())
        except Unverified as error:
            about.warning("wechat_pay_unverified", reason=error.reason.value)
            return None
        if status < 300:
            return Answer(status, text)
        about.warning("wechat_pay_refuses", code=complaint.code, detail=complaint.message[:200])
        if status < 400 or not complaint.code:
            return None
        return Answer(status, text, complaint.code)

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
        }
        if self._verifier.public_key_id is not None:
            # Asks for answers signed with the public key while an account moves over to it.
            headers["Wechatpay-Serial"] = self._verifier.public_key_id
        return headers


class _TooLong(Exception):
    """An answer that no order can have."""

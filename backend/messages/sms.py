"""Text messages through Tencent Cloud (短信): its SDK for sending, its pushes for receipts.

SendSms is not idempotent: an unknown outcome is never sent again on this channel.
"""

import hmac
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import requests
from msgspec import Struct, field
from requests.adapters import BaseAdapter
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111.sms_client import SmsClient

from backend.errors import NotFound, Unreadable
from backend.logs import logger
from backend.messages.blocking import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, Busy, Pool
from backend.messages.port import ChannelName, Message, NoticeLevel, Receipt, SendResult, SendState
from backend.messages.templates import BadValue, SmsTemplate
from backend.messages.wechat_api import new_session, why_silent
from backend.settings import SmsSettings
from common.clock import LOCAL_ZONE, Clock

RECEIPTS_LIMIT_BYTES = 256 * 1024
RECEIPTS_LIMIT = 1_000

_PHONE = re.compile(r"^(?:\+86|0086|86)?(1\d{10})$")
_RETRYABLE = ("InternalError", "RequestLimitExceeded", "LimitExceeded.DeliveryFrequencyLimit")

_log = logger(__name__)


class SmsChannel:
    """Sends to mainland mobile numbers; adapter: how requests travel, None: over the network."""

    name = ChannelName.SMS

    def __init__(
        self,
        settings: SmsSettings,
        templates: dict[NoticeLevel, SmsTemplate],
        pool: Pool,
        clock: Clock,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self._settings = settings
        self._templates = templates
        self._pool = pool
        self._http = new_session(adapter)
        if settings.scheme == "http":
            self._http.trust_env = False  # A local provider is never reached through a proxy.
        self._client = _Client(settings, clock, self._http)

    async def send(self, message: Message) -> SendResult:
        """Send one; the serial number of the provider names it in its receipt."""
        template = self._templates.get(message.level)
        phone = _PHONE.match(message.address)
        if template is None or phone is None:
            return SendResult(state=SendState.FAILED, code="bad_phone" if template else "no_template")
        try:
            values = template.fill(message.values)
        except BadValue:
            return SendResult(state=SendState.FAILED, code="bad_value")
        request = {
            "PhoneNumberSet": [f"+86{phone[1]}"],
            "SmsSdkAppId": self._settings.app_id,
            "SignName": self._settings.sign_name,
            "TemplateId": template.template_id,
            "TemplateParamSet": values,
            "SessionContext": str(message.delivery_id),
        }
        return await self._send(request)

    def close(self) -> None:
        self._http.close()

    async def _send(self, request: dict[str, Any]) -> SendResult:
        try:
            # Not the SDK's SendSms, which gives every fault on the way the form of a refusal.
            text: bytes = await self._pool.run(lambda: self._client.call("SendSms", request))
            (status,) = msgspec.json.decode(text, type=_Answer).response.statuses
        except Busy:
            return SendResult(state=SendState.FAILED, code="busy", retryable=True)
        except TimeoutError:
            return SendResult(state=SendState.UNKNOWN, code="timeout")
        except _Silent as silent:
            _log.warning("sms_silent", why=silent.why)
            if silent.is_sent:
                return SendResult(state=SendState.UNKNOWN, code=silent.why)
            return SendResult(state=SendState.FAILED, code=silent.why, retryable=True)
        except TencentCloudSDKException as error:
            return _refused(str(error.get_code() or ""))
        except (ValueError, KeyError, TypeError, msgspec.DecodeError, RecursionError):
            return SendResult(state=SendState.UNKNOWN, code="unreadable")
        if status.code != "Ok":
            return _refused(status.code)
        return SendResult(state=SendState.ACCEPTED, provider_id=status.serial_no, code="Ok")


class _Status(Struct, frozen=True, rename="pascal"):
    """What became of one number."""

    code: str
    serial_no: str = ""


class _Statuses(Struct, frozen=True):
    statuses: list[_Status] = field(name="SendStatusSet")


class _Answer(Struct, frozen=True):
    response: _Statuses = field(name="Response")


class _Silent(Exception):
    def __init__(self, why: str, *, is_sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.is_sent = is_sent


class _Connection:
    """Takes the place of the SDK's own connection, to choose session and time limits."""

    request_length = 0

    def __init__(self, http: requests.Session) -> None:
        self._http = http

    def request(self, method: str, url: str, body: str | None, headers: dict[str, str]) -> requests.Response:
        return self._http.request(
            method,
            url,
            data=body,
            headers=headers,
            timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S),
            allow_redirects=False,
        )


class _Client(SmsClient):  # type: ignore[misc]
    """The SDK's client on our clock and session; it tells silence and refusal apart."""

    def __init__(self, settings: SmsSettings, clock: Clock, http: requests.Session) -> None:
        profile = HttpProfile(protocol=settings.scheme, endpoint=settings.endpoint, reqMethod="POST")
        super().__init__(
            credential.Credential(settings.secret_id, settings.secret_key),
            settings.region,
            ClientProfile(httpProfile=profile),
        )
        self._clock = clock
        self.request.conn = _Connection(http)
        self.request.send_request = self._send_request

    def _build_req_with_tc3_signature(
        self, action: str, params: dict[str, Any], req: Any, options: Any = None
    ) -> None:
        # The SDK's own version reads the machine's clock; all else is as it does it.
        now = self._clock.now()
        req.header["Content-Type"] = "application/json"
        req.header["Host"] = self._get_endpoint(options=options)
        req.header["X-TC-Action"] = action
        req.header["X-TC-RequestClient"] = self.request_client
        req.header["X-TC-Timestamp"] = str(int(now.timestamp()))
        req.header["X-TC-Version"] = self._apiVersion
        req.header["X-TC-Region"] = self.region
        req.data = msgspec.json.encode(params)
        secret_id, secret_key, _ = self.credential.get_credential_info()
        date = f"{now.astimezone(UTC):%Y-%m-%d}"
        signature = self._get_tc3_signature(params, req, date, self._service, secret_key, options)
        req.header["Authorization"] = (
            f"TC3-HMAC-SHA256 Credential={secret_id}/{date}/{self._service}/tc3_request, "
            f"SignedHeaders=content-type;host, Signature={signature}"
        )

    def _send_request(self, req: Any) -> requests.Response:
        try:
            response: requests.Response = self.request._request(req)
        except requests.RequestException as error:
            why, is_sent = why_silent(error)
            raise _Silent(why, is_sent=is_sent) from None
        if response.status_code != 200:
            raise _Silent("http_error", is_sent=True)
        return response


def _refused(code: str) -> SendResult:
    _log.warning("sms_refused", reason=code)
    return SendResult(state=SendState.FAILED, code=code[:64], retryable=code.startswith(_RETRYABLE))


class _Pushed(Struct, frozen=True):
    """One receipt as the provider pushes it (短信下发状态通知)."""

    mobile: str
    report_status: str
    sid: str
    user_receive_time: str
    errmsg: str = ""


def read_receipts(settings: SmsSettings, token: str, body: bytes) -> list[Receipt]:
    """Read pushed receipts (短信回执). The token in the address is all the proof that there is.

    Errors: NotFound (wrong token), Unreadable.
    """
    if not hmac.compare_digest(token.encode(errors="replace"), settings.receipt_token.encode()):
        raise NotFound
    if len(body) > RECEIPTS_LIMIT_BYTES:
        raise Unreadable
    try:
        pushed = msgspec.json.decode(body, type=list[_Pushed])
        if len(pushed) > RECEIPTS_LIMIT:
            raise Unreadable
        return [_receipt(one) for one in pushed]
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Unreadable from None


def _receipt(pushed: _Pushed) -> Receipt:
    # The provider's time is local and says no zone.
    at = datetime.strptime(pushed.user_receive_time, "%Y-%m-%d %H:%M:%S").replace(tzinfo=LOCAL_ZONE)
    return Receipt(
        channel=ChannelName.SMS,
        provider_id=pushed.sid,
        address=pushed.mobile,
        delivered=pushed.report_status == "SUCCESS",
        code=pushed.errmsg or pushed.report_status,
        at=at.astimezone(UTC),
    )

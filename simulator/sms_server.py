"""A local Tencent Cloud SMS (腾讯云短信): SendSms with TC3 signatures, receipts pushed as JSON.

Answers never wait for the product, so the provider's synchronous SDK is served in memory too.
"""

import asyncio
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import httpx

from common.clock import Clock, local
from simulator import sms_tc3
from simulator.keys import WorldKeys
from simulator.switches import Switches
from simulator.web import Background, Caller, Response, answer_in_time, json_object, json_response

RECEIPTS_PATH = "/api/v1/callbacks/sms-receipts/"
VERSION = "2021-01-11"
MAX_NUMBERS = 200
RECEIPT_AFTER_S = 3.0
REPLY_WITHIN_S = 5.0
RETRY_AFTER_S = (0.0, 60.0, 300.0)
_PHONE = re.compile(r"^(?:\+86|0086|86)?(1\d{10})$")


class SmsFault(StrEnum):
    """The subject of each is an 11-digit phone number; `value` is what the comment says."""

    REFUSED = "refused"  # This number: FailedOperation.PhoneNumberInBlacklist.
    DAILY_LIMIT = "daily_limit"  # This number: LimitExceeded.PhoneNumberDailyLimit.
    NO_RECEIPT = "no_receipt"
    RECEIPT_LATE = "receipt_late"  # `value` seconds later than usual.
    RECEIPT_FAILED = "receipt_failed"  # It does not arrive, and the receipt says so.
    RECEIPT_DOUBLED = "receipt_doubled"
    SYSTEM_ERROR = "system_error"  # InternalError.OtherError, nothing done (subject: none).
    DOWN = "down"  # The connection is cut, nothing done (subject: none).
    DOWN_AFTER_TAKING = "down_after_taking"  # Taken, but the connection is cut (subject: none).
    SLOW = "slow"  # The answer takes `value` seconds (subject: none).


@dataclass
class Sms:
    """One text message that was taken. arrived_at: None until the phone showed it, or for ever."""

    serial_no: str
    phone: str  # 11 digits.
    template_id: str
    values: tuple[str, ...]
    session: str
    sent_at: datetime
    arrived_at: datetime | None = None
    receipt: str = ""  # "SUCCESS", "FAIL", or empty: none was sent.
    receipt_status: int = 0  # What the product answered to the last receipt; 0: nothing.


class SmsServer:
    """One account at the provider.

    public_url:    where receipts are pushed to.
    checks_age:    refuse requests stamped more than five minutes off. The provider's SDK stamps with the
                   machine's clock, so on virtual time this is off; the signature is checked all the same.
    """

    def __init__(
        self,
        keys: WorldKeys,
        clock: Clock,
        call: Caller,
        public_url: str,
        *,
        random_: random.Random | None = None,
        checks_age: bool = True,
    ) -> None:
        self._checks_age = checks_age
        self._names = keys.names.sms
        self._clock = clock
        self._call = call
        self._receipts_url = f"{public_url}{RECEIPTS_PATH}{self._names.receipt_token}"
        self._random = random_ or random.SystemRandom()
        self.switches: Switches[SmsFault] = Switches(SmsFault, self._random)
        self.background = Background()
        self.sent: list[Sms] = []
        self.errors: dict[str, int] = {}  # Error code -> how often it was answered.

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        return await answer_in_time(self.respond_now(method, target, headers, body), self._clock)

    def respond_now(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        if self.switches.strikes(SmsFault.DOWN):
            return Response(503, dropped=True)
        lower = {name.lower(): value for name, value in headers.items()}
        request_id = str(UUID(int=self._random.getrandbits(128), version=4))
        try:
            answer = self._answer(method, target, lower, body)
        except sms_tc3.TC3Error as error:
            self.errors[error.code] = self.errors.get(error.code, 0) + 1
            answer = {"Error": {"Code": error.code, "Message": error.message}}
        slow = self.switches.strikes(SmsFault.SLOW)
        is_cut = self.switches.strikes(SmsFault.DOWN_AFTER_TAKING) is not None
        response = json_response(200, {"Response": {**answer, "RequestId": request_id}})
        return replace(response, delay_s=slow.value if slow else 0.0, dropped=is_cut)

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        secrets = {self._names.secret_id: self._names.secret_key}
        now = self._clock.now() if self._checks_age else None
        sms_tc3.check(method, target, headers, body, secrets, now)
        if headers.get("x-tc-version") != VERSION:
            raise sms_tc3.TC3Error("NoSuchVersion", "接口版本不存在")
        if headers.get("x-tc-action") != "SendSms":
            raise sms_tc3.TC3Error("InvalidAction", "接口不存在")
        if not headers.get("x-tc-region"):
            raise sms_tc3.TC3Error("MissingParameter", "缺少 X-TC-Region")
        if self.switches.strikes(SmsFault.SYSTEM_ERROR):
            raise sms_tc3.TC3Error("InternalError.OtherError", "其他错误")
        try:
            request = json_object(body)
        except (ValueError, json.JSONDecodeError) as error:
            raise sms_tc3.TC3Error("InvalidParameter", "请求不是 JSON") from error
        return {"SendStatusSet": self._send(request)}

    def _send(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        numbers, values = request.get("PhoneNumberSet"), request.get("TemplateParamSet", [])
        if not isinstance(numbers, list) or not 0 < len(numbers) <= MAX_NUMBERS:
            raise sms_tc3.TC3Error("InvalidParameterValue.IncorrectPhoneNumber", "手机号须为 1-200 个")
        if request.get("SmsSdkAppId") != self._names.app_id:
            raise sms_tc3.TC3Error("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId 校验失败")
        if request.get("SignName") != self._names.sign_name:
            raise sms_tc3.TC3Error("FailedOperation.SignatureIncorrectOrUnapproved", "签名未审批或格式错误")
        template_id = str(request.get("TemplateId", ""))
        if self._names.level_of(template_id) is None:
            raise sms_tc3.TC3Error("FailedOperation.TemplateIncorrectOrUnapproved", "模板未审批或不存在")
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise sms_tc3.TC3Error("InvalidParameterValue.TemplateParameterFormatError", "模板参数须为文本")
        session = str(request.get("SessionContext") or "")
        return [self._one(str(number), template_id, tuple(values), session) for number in numbers]

    def _one(self, number: str, template_id: str, values: tuple[str, ...], session: str) -> dict[str, Any]:
        match = _PHONE.match(number)
        code, serial_no = "Ok", ""
        if match is None:
            code = "InvalidParameterValue.IncorrectPhoneNumber"
        elif self.switches.strikes(SmsFault.REFUSED, match[1]):
            code = "FailedOperation.PhoneNumberInBlacklist"
        elif self.switches.strikes(SmsFault.DAILY_LIMIT, match[1]):
            code = "LimitExceeded.PhoneNumberDailyLimit"
        else:
            now = self._clock.now()
            digits = "".join(self._random.choice("0123456789") for _ in range(20))
            serial_no = f"2640:{digits}{int(now.timestamp())}"
            sms = Sms(serial_no, match[1], template_id, values, session, now)
            self.sent.append(sms)
            self.background.start(self._deliver(sms))
        return {
            "SerialNo": serial_no,
            "PhoneNumber": number,
            "Fee": 1 if code == "Ok" else 0,
            "SessionContext": session,
            "Code": code,
            "Message": "send success" if code == "Ok" else code,
            "IsoCode": "CN",
        }

    async def _deliver(self, sms: Sms) -> None:
        await self._clock.sleep(RECEIPT_AFTER_S)
        failed = self.switches.strikes(SmsFault.RECEIPT_FAILED, sms.phone) is not None
        if not failed:
            sms.arrived_at = self._clock.now()
        if self.switches.strikes(SmsFault.NO_RECEIPT, sms.phone):
            return
        if late := self.switches.strikes(SmsFault.RECEIPT_LATE, sms.phone):
            await self._clock.sleep(late.value)
        sms.receipt = "FAIL" if failed else "SUCCESS"
        await self._push(sms)
        if self.switches.strikes(SmsFault.RECEIPT_DOUBLED, sms.phone):
            await self._push(sms)

    async def _push(self, sms: Sms) -> None:
        body = json.dumps([receipt(sms, self._clock.now())], ensure_ascii=False).encode()
        for wait_s in RETRY_AFTER_S:
            if wait_s:
                await self._clock.sleep(wait_s)
            try:
                async with asyncio.timeout(REPLY_WITHIN_S):
                    headers = {"Content-Type": "application/json"}
                    answer = await self._call("POST", self._receipts_url, headers, body)
                sms.receipt_status = answer.status
                if answer.status == 200 and json.loads(answer.body).get("result") == 0:
                    return
            except (OSError, httpx.HTTPError, TimeoutError, ValueError, AttributeError):
                continue


def receipt(sms: Sms, now: datetime) -> dict[str, str]:
    """Write the receipt of one message as the provider pushes it; its time is local (短信回执)."""
    arrived = sms.receipt == "SUCCESS"
    return {
        "user_receive_time": f"{local(sms.arrived_at or now):%Y-%m-%d %H:%M:%S}",
        "nationcode": "86",
        "mobile": sms.phone,
        "report_status": sms.receipt,
        "errmsg": "DELIVRD" if arrived else "UNDELIV",
        "description": "用户短信接收成功" if arrived else "用户短信接收失败",
        "sid": sms.serial_no,
    }

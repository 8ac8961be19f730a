"""The simulated SMS provider, called through Tencent's own SDK."""

import json
from typing import Any

import pytest
from requests.adapters import BaseAdapter
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111.models import SendSmsRequest
from tencentcloud.sms.v20210111.sms_client import SmsClient

from simulator.keys import WorldKeys
from simulator.sms_server import SmsFault
from simulator.sms_tc3 import TC3Error, check
from tests.simulation_wechat.helpers import Play, play

PHONE = "13900000001"


def _client(keys: WorldKeys, adapter: BaseAdapter, secret_key: str = "") -> SmsClient:
    names = keys.names.sms
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint="sms.localhost", reqTimeout=5))
    client = SmsClient(Credential(names.secret_id, secret_key or names.secret_key), "ap-guangzhou", profile)
    client.request.conn._session.mount("http://", adapter)
    return client


def _send(client: SmsClient, keys: WorldKeys, **changes: Any) -> Any:
    names = keys.names.sms
    request = SendSmsRequest()
    request.PhoneNumberSet = ["+86" + PHONE]
    request.SmsSdkAppId = names.app_id
    request.SignName = names.sign_name
    request.TemplateId = names.templates["LAST"]
    request.TemplateParamSet = ["A-101", "-3.20"]
    request.SessionContext = "delivery-1"
    for name, value in changes.items():
        setattr(request, name, value)
    return client.SendSms(request).SendStatusSet[0]


def test_a_text_is_taken_arrives_and_is_receipted(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        status = _send(_client(keys, p.adapter), keys)
        await p.world.settle()
        return status, p.world.sms.sent[0], p.product.receipts

    status, sms, (call,) = play(keys, scene)
    (receipt,) = json.loads(call.body)

    assert (status.Code, status.SessionContext, sms.values) == ("Ok", "delivery-1", ("A-101", "-3.20"))
    assert (receipt["sid"], receipt["mobile"], receipt["report_status"]) == (
        status.SerialNo,
        PHONE,
        "SUCCESS",
    )
    assert call.path.endswith(keys.names.sms.receipt_token)
    assert sms.receipt_status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SmsSdkAppId": "1400000000"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"SignName": "别家"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
        ({"TemplateId": "1"}, "FailedOperation.TemplateIncorrectOrUnapproved"),
        ({"PhoneNumberSet": []}, "InvalidParameterValue.IncorrectPhoneNumber"),
    ],
)
def test_a_wrong_request_is_an_error(keys: WorldKeys, changes: dict[str, Any], code: str) -> None:
    async def scene(p: Play) -> None:
        _send(_client(keys, p.adapter), keys, **changes)

    with pytest.raises(TencentCloudSDKException, match=code):
        play(keys, scene)


def test_another_key_does_not_sign(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        _send(_client(keys, p.adapter, secret_key="x" * 32), keys)

    with pytest.raises(TencentCloudSDKException, match="SignatureFailure"):
        play(keys, scene)


def test_a_request_from_another_day_is_expired(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        _send(_client(keys, p.adapter), keys)

    with pytest.raises(TencentCloudSDKException, match="SignatureExpire"):
        play(keys, scene, checks_sms_age=True)


@pytest.mark.parametrize("authorization", ["", "SKIP", "TC3-HMAC-SHA256 Credential=a/b/c/tc3_request"])
def test_an_unreadable_signature_is_refused(keys: WorldKeys, authorization: str) -> None:
    async def scene(p: Play) -> None:
        check("POST", "/", {"authorization": authorization}, b"{}", {}, p.clock.now())

    with pytest.raises(TC3Error, match="InvalidAuthorization"):
        play(keys, scene)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (SmsFault.REFUSED, "FailedOperation.PhoneNumberInBlacklist"),
        (SmsFault.DAILY_LIMIT, "LimitExceeded.PhoneNumberDailyLimit"),
    ],
)
def test_one_number_is_refused_as_told(keys: WorldKeys, fault: SmsFault, code: str) -> None:
    async def scene(p: Play) -> Any:
        p.world.sms.switches.set(fault, subject=PHONE)
        return _send(_client(keys, p.adapter), keys).Code, len(p.world.sms.sent)

    assert play(keys, scene) == (code, 0)


@pytest.mark.parametrize(
    ("fault", "taken", "error"),
    [
        (SmsFault.DOWN, 0, "ClientNetworkError"),
        (SmsFault.DOWN_AFTER_TAKING, 1, "ClientNetworkError"),
        (SmsFault.SYSTEM_ERROR, 0, "InternalError"),
    ],
)
def test_the_provider_fails_as_told(keys: WorldKeys, fault: SmsFault, taken: int, error: str) -> None:
    async def scene(p: Play) -> Any:
        p.world.sms.switches.set(fault)
        with pytest.raises(TencentCloudSDKException, match=error):
            _send(_client(keys, p.adapter), keys)
        return len(p.world.sms.sent)

    assert play(keys, scene) == taken


@pytest.mark.parametrize(
    ("fault", "value", "statuses"),
    [
        (SmsFault.NO_RECEIPT, 0, []),
        (SmsFault.RECEIPT_FAILED, 0, ["FAIL"]),
        (SmsFault.RECEIPT_DOUBLED, 0, ["SUCCESS", "SUCCESS"]),
        (SmsFault.RECEIPT_LATE, 600, ["SUCCESS"]),
    ],
)
def test_receipts_fail_as_told(keys: WorldKeys, fault: SmsFault, value: float, statuses: list[str]) -> None:
    async def scene(p: Play) -> Any:
        p.world.sms.switches.set(fault, subject=PHONE, value=value)
        _send(_client(keys, p.adapter), keys)
        await p.world.settle()
        took_s = p.clock.monotonic()
        return [json.loads(call.body)[0]["report_status"] for call in p.product.receipts], took_s

    told, took_s = play(keys, scene)
    assert told == statuses
    assert took_s == (3 + value)

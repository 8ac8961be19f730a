"""The simulated WeChat API: login, tokens, messages, receipts and their faults; seen through wechatpy too."""

import json
from typing import Any

import httpx
import pytest
import requests
from wechatpy import WeChatClient
from wechatpy.client.api import WeChatWxa
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException
from wechatpy.utils import WeChatSigner

from simulator.keys import API_URL, WorldKeys
from simulator.wechat_faults import MessageFault
from simulator.wechat_names import MINI_PROGRAM, SERVICE_ACCOUNT, AppNames
from tests.simulation_wechat.helpers import START, Call, Play, play

DATA = {"thing1": {"value": "一层 A-101"}, "amount2": {"value": "12.30元"}}


def _api(p: Play, method: str, path: str, body: Any = None) -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    return json.loads(p.world.api.respond_now(method, path, {}, content).body)


def _token(p: Play, app: AppNames, **more: Any) -> Any:
    body = {"grant_type": "client_credential", "appid": app.appid, "secret": app.secret, **more}
    return _api(p, "POST", "/cgi-bin/stable_token", body)


def _subscribe(p: Play, **changes: Any) -> Any:
    app = p.world.keys.names.mini_program
    token = _token(p, app)["access_token"]
    body = {"touser": p.tenant.openid, "template_id": app.templates["LOW"], "data": DATA, **changes}
    return _api(p, "POST", f"/cgi-bin/message/subscribe/send?access_token={token}", body)


def _template(p: Play, **changes: Any) -> Any:
    app = p.world.keys.names.service_account
    token = _token(p, app)["access_token"]
    body = {"touser": p.tenant.service_openid, "template_id": app.templates["LAST"], "data": DATA, **changes}
    return _api(p, "POST", f"/cgi-bin/message/template/send?access_token={token}", body)


def _allow(p: Play, count: int = 1) -> None:
    p.tenant.consents[p.world.keys.names.mini_program.templates["LOW"]] = count


def _opened(app: AppNames, call: Call) -> str:
    query = httpx.QueryParams(call.query)
    crypto = WeChatCrypto(app.token, app.aes_key, app.appid)
    return str(crypto.decrypt_message(call.body, query["msg_signature"], query["timestamp"], query["nonce"]))


class _Client(WeChatClient):  # type: ignore[misc]
    API_BASE_URL = API_URL + "/cgi-bin/"


class _Wxa(WeChatWxa):  # type: ignore[misc]
    API_BASE_URL = API_URL + "/"


def _wechatpy(p: Play, app: AppNames) -> Any:
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", p.adapter)
    client = _Client(app.appid, app.secret, access_token=_token(p, app)["access_token"])
    client._http = session
    client.wxa = _Wxa(client)
    return client


def test_wechatpy_signs_in_a_phone(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        client = _wechatpy(p, keys.names.mini_program)
        client.wxa.API_BASE_URL = API_URL + "/"
        answer = client._request(
            "get",
            f"{API_URL}/sns/jscode2session",
            params={
                "appid": client.appid,
                "secret": client.secret,
                "js_code": p.world.api.login_code(p.tenant),
                "grant_type": "authorization_code",
            },
        )
        return answer["openid"] == p.tenant.openid, answer["unionid"] == p.tenant.unionid

    assert play(keys, scene) == (True, True)


def test_wechatpy_sends_a_subscribe_message(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        _allow(p)
        wxa = _wechatpy(p, keys.names.mini_program).wxa
        template_id = keys.names.mini_program.templates["LOW"]
        answer = wxa.send_subscribe_message(p.tenant.openid, template_id, DATA)
        return answer["errcode"], len(p.world.api.messages.sent)

    assert play(keys, scene) == (0, 1)


def test_wechatpy_learns_that_the_person_refuses(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        wxa = _wechatpy(p, keys.names.mini_program).wxa
        wxa.send_subscribe_message(p.tenant.openid, keys.names.mini_program.templates["LOW"], DATA)

    with pytest.raises(WeChatClientException, match="43101"):
        play(keys, scene)


def test_a_login_code_is_good_once_and_for_five_minutes(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        app = keys.names.mini_program
        base = f"/sns/jscode2session?appid={app.appid}&secret={app.secret}&grant_type=authorization_code"
        code, old = p.world.api.login_code(p.tenant), p.world.api.login_code(p.tenant)
        first = _api(p, "GET", f"{base}&js_code={code}")
        again = _api(p, "GET", f"{base}&js_code={code}")
        await p.clock.sleep(301)
        late = _api(p, "GET", f"{base}&js_code={old}")
        wrong = _api(p, "GET", base.replace(app.secret, "0" * 32) + f"&js_code={old}")
        return first["openid"] == p.tenant.openid, again["errcode"], late["errcode"], wrong["errcode"]

    assert play(keys, scene) == (True, 40163, 40029, 40125)


def test_a_stable_token_stays_until_five_minutes_before_its_end(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        app = keys.names.mini_program
        first = _token(p, app)
        await p.clock.sleep(6_800)
        same = _token(p, app)
        await p.clock.sleep(150)
        renewed = _token(p, app)
        return (
            (first["expires_in"], same["expires_in"], renewed["expires_in"]),
            first["access_token"] == same["access_token"],
            same["access_token"] != renewed["access_token"],
            p.world.api.tokens.app_of(first["access_token"], p.clock.now()) == app.appid,
        )

    assert play(keys, scene) == ((7200, 400, 7200), True, True, True)


def test_a_forced_token_kills_the_old_one_and_is_rationed(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        app = keys.names.mini_program
        old = _token(p, app)["access_token"]
        _token(p, app, force_refresh=True)
        too_soon = _token(p, app, force_refresh=True)
        used = _api(p, "POST", f"/cgi-bin/message/subscribe/send?access_token={old}", {})
        for _ in range(19):
            await p.clock.sleep(31)
            _token(p, app, force_refresh=True)
        await p.clock.sleep(31)
        return too_soon["errcode"], used["errcode"], _token(p, app, force_refresh=True)["errcode"]

    assert play(keys, scene) == (45011, 40001, 45009)


def test_a_token_is_dead_after_two_hours_and_no_token_is_none(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        old = _token(p, keys.names.mini_program)["access_token"]
        await p.clock.sleep(7_201)
        path = "/cgi-bin/message/subscribe/send"
        return _api(p, "POST", f"{path}?access_token={old}", {})["errcode"], _api(p, "POST", path, {})[
            "errcode"
        ]

    assert play(keys, scene) == (42001, 41001)


def test_one_consent_is_one_message(keys: WorldKeys) -> None:
    async def scene(p: Play) -> list[int]:
        _allow(p, 2)
        return [_subscribe(p)["errcode"] for _ in range(3)]

    assert play(keys, scene) == [0, 0, 43101]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"touser": "o-nobody"}, 40003),
        ({"template_id": "none"}, 40037),
        ({"data": {}}, 47003),
        ({"data": {"thing1": {"value": "字" * 21}}}, 47003),
        ({"data": {"thing1": {"value": ""}}}, 47003),
        ({"data": {"amount1": {"value": "十元"}}}, 47003),
        ({"data": {"amount1": {"value": "-3.20元"}}}, 47003),
        ({"data": {"phrase1": {"value": "ok"}}}, 47003),
        ({"data": {"time1": {"value": "明天"}}}, 47003),
        ({"data": {"whatever": {"value": "a"}}}, 47003),
        ({"data": {"thing1": "no holder"}}, 47003),
        ({"miniprogram_state": "released"}, 47001),
    ],
)
def test_a_wrong_message_is_refused_and_spends_no_consent(
    keys: WorldKeys, changes: dict[str, Any], code: int
) -> None:
    async def scene(p: Play) -> Any:
        _allow(p)
        return _subscribe(p, **changes)["errcode"], list(p.tenant.consents.values())

    assert play(keys, scene) == (code, [1])


def test_a_template_message_needs_a_follower(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        p.tenant.follows = False
        return _template(p)["errcode"]

    assert play(keys, scene) == 43004


def test_the_same_client_id_within_ten_minutes_is_one_message(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        first, second = _template(p, client_msg_id="d1"), _template(p, client_msg_id="d1")
        await p.clock.sleep(601)
        _template(p, client_msg_id="d1")
        return first["msgid"] == second["msgid"], len(p.world.api.messages.sent)

    assert play(keys, scene) == (True, 2)


def test_a_token_of_one_app_does_not_send_for_the_other(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        token = _token(p, keys.names.service_account)["access_token"]
        return _api(p, "POST", f"/cgi-bin/message/subscribe/send?access_token={token}", {})["errcode"]

    assert play(keys, scene) == 48001


def test_a_follower_is_known_by_unionid(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        token = _token(p, keys.names.service_account)["access_token"]
        path = f"/cgi-bin/user/info?access_token={token}&openid="
        known = _api(p, "GET", path + p.tenant.service_openid)
        return known["subscribe"], known["unionid"] == p.tenant.unionid, _api(p, "GET", path + "x")["errcode"]

    assert play(keys, scene) == (1, True, 40003)


def test_the_receipt_of_a_subscribe_message_opens_with_wechatpy(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        _allow(p)
        answer = _subscribe(p)
        await p.world.settle()
        return answer["msgid"], p.product.events

    message_id, (call,) = play(keys, scene)
    text = _opened(keys.names.mini_program, call)

    assert (call.at - START).total_seconds() == 1
    assert call.path.endswith(f"/{MINI_PROGRAM}")
    assert "<Event><![CDATA[subscribe_msg_sent_event]]></Event>" in text
    assert f"<MsgID><![CDATA[{message_id}]]></MsgID><ErrorCode><![CDATA[0]]></ErrorCode>" in text


def test_an_event_signed_for_another_token_does_not_open(keys: WorldKeys) -> None:
    async def scene(p: Play) -> list[Call]:
        p.world.api.switches.set(MessageFault.RECEIPT_FORGED)
        _template(p)
        await p.world.settle()
        return p.product.events

    forged, real = play(keys, scene)

    with pytest.raises(InvalidSignatureException):
        _opened(keys.names.service_account, forged)
    assert "TEMPLATESENDJOBFINISH" in _opened(keys.names.service_account, real)


def test_a_plain_event_is_signed_by_token_timestamp_and_nonce(keys: WorldKeys) -> None:
    async def scene(p: Play) -> list[Call]:
        await p.world.api.follow(p.tenant)
        return p.product.events

    (call,) = play(keys, scene, encrypted_events=False)
    query = httpx.QueryParams(call.query)
    signer = WeChatSigner()
    signer.add_data(keys.names.service_account.token, query["timestamp"], query["nonce"])

    assert call.path.endswith(f"/{SERVICE_ACCOUNT}")
    assert query["signature"] == signer.signature
    assert b"<Event><![CDATA[subscribe]]></Event>" in call.body


def _texts(keys: WorldKeys, scene: Any, app: AppNames) -> list[str]:
    async def whole(p: Play) -> Any:
        await scene(p)
        await p.world.settle()
        return p.product.events

    return [_opened(app, call) for call in play(keys, whole)]


def test_a_blocking_follower_is_told_by_the_receipt(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        p.tenant.blocks = True
        _template(p)

    (text,) = _texts(keys, scene, keys.names.service_account)
    assert "<Status><![CDATA[failed:user block]]></Status>" in text


def test_a_failed_receipt_says_so_and_nothing_arrives(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        p.world.api.switches.set(MessageFault.RECEIPT_FAILED, subject=p.tenant.openid)
        _allow(p)
        _subscribe(p)
        await p.world.settle()
        return p.world.api.messages.sent[0]

    message = play(keys, scene)
    assert (message.arrived_at, message.receipt) == (None, "user refuse")


@pytest.mark.parametrize(
    ("fault", "value", "times_s"),
    [
        (MessageFault.NO_RECEIPT, 0, []),
        (MessageFault.RECEIPT_LATE, 120, [121]),
        (MessageFault.RECEIPT_DOUBLED, 0, [1, 1]),
    ],
)
def test_receipts_fail_as_told(
    keys: WorldKeys, fault: MessageFault, value: float, times_s: list[float]
) -> None:
    async def scene(p: Play) -> list[float]:
        p.world.api.switches.set(fault, subject=p.tenant.service_openid, value=value)
        _template(p)
        await p.world.settle()
        assert p.world.api.messages.sent[0].arrived_at is not None
        return [(call.at - START).total_seconds() for call in p.product.events]

    assert play(keys, scene) == times_s


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        (MessageFault.REFUSED, 0, 43101),
        (MessageFault.QUOTA, 0, 45009),
        (MessageFault.CODE, 48001, 48001),
        (MessageFault.BUSY, 0, -1),
        (MessageFault.TOKEN_REJECTED, 0, 40001),
    ],
)
def test_messages_are_refused_as_told(keys: WorldKeys, fault: MessageFault, value: float, code: int) -> None:
    async def scene(p: Play) -> Any:
        p.world.api.switches.set(fault, subject="subscribe", value=value)
        _allow(p)
        return _subscribe(p)["errcode"], len(p.world.api.messages.sent)

    assert play(keys, scene) == (code, 0)


def test_an_outage_cuts_synchronous_clients_too(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        session = requests.Session()
        session.mount("http://", p.adapter)
        p.world.api.switches.set(MessageFault.DOWN, subject="token")
        session.post(API_URL + "/cgi-bin/stable_token", json={}, timeout=5)

    with pytest.raises(requests.ConnectionError, match="cut"):
        play(keys, scene)


def test_a_slow_answer_times_a_synchronous_client_out(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        session = requests.Session()
        session.mount("http://", p.adapter)
        p.world.api.switches.set(MessageFault.SLOW, value=30)
        session.post(API_URL + "/cgi-bin/stable_token", json={}, timeout=5)

    with pytest.raises(requests.ReadTimeout):
        play(keys, scene)


def test_an_event_is_tried_three_times(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        p.product.statuses = [500] * 5
        taken = await p.world.api.events.push(MINI_PROGRAM, p.tenant.openid, "x", {})
        return taken, [push.status for push in p.world.api.events.pushes]

    assert play(keys, scene) == (False, [500, 500, 500])


def test_the_address_check_needs_the_echo(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        good = await p.world.check_event_addresses()
        p.product.statuses = [403]
        return good, await p.world.api.events.check_address(MINI_PROGRAM)

    assert play(keys, scene) == ({MINI_PROGRAM: True, SERVICE_ACCOUNT: True}, False)


def test_a_person_switches_a_template_off(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        _allow(p, 3)
        await p.world.api.switch_off(p.tenant, keys.names.mini_program.templates["LOW"])
        return _subscribe(p)["errcode"], _opened(keys.names.mini_program, p.product.events[0])

    code, text = play(keys, scene)
    assert code == 43101
    assert "subscribe_msg_change_event" in text


def test_events_of_a_wrong_clock_are_stamped_so(keys: WorldKeys) -> None:
    async def scene(p: Play) -> int:
        p.world.api.switches.set(MessageFault.EVENT_SKEW, value=-3600)
        await p.world.api.follow(p.tenant, follows=False)
        return int(httpx.QueryParams(p.product.events[0].query)["timestamp"])

    assert play(keys, scene) == int(START.timestamp()) - 3600


def test_a_message_can_be_taken_though_the_connection_is_cut(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        client = _wechatpy(p, keys.names.service_account)
        p.world.api.switches.set(MessageFault.DOWN_AFTER_TAKING, subject="template", times=1)
        with pytest.raises(requests.ConnectionError):
            client.message.send_template(
                p.tenant.service_openid, keys.names.service_account.templates["LAST"], DATA
            )
        return len(p.world.api.messages.sent)

    assert play(keys, scene) == 1

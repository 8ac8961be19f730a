"""A tenant's phone against a tiny product, with real orders at the simulated WeChat Pay."""

import html
import re
from typing import Any

import pytest

from simulator.keys import PAY_URL, WorldKeys
from simulator.pay_faults import PayFault
from simulator.phone import Phone, PhoneError
from tests.simulation_wechat.helpers import Play, play


async def _signed_in(p: Play) -> Phone:
    async def openid_of(code: str) -> str:
        app = p.world.keys.names.mini_program
        target = f"/sns/jscode2session?appid={app.appid}&secret={app.secret}&js_code={code}"
        answer = await p.world.api.respond("GET", target + "&grant_type=authorization_code", {}, b"")
        return str(re.findall(rb'"openid":"([^"]+)"', answer.body)[0].decode())

    p.product.people = openid_of
    phone = p.world.phone(p.tenant)
    await phone.sign_in()
    return phone


def test_a_phone_signs_in_as_its_person(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        phone = await _signed_in(p)
        return phone.is_signed_in, phone.token == p.tenant.openid

    assert play(keys, scene) == (True, True)


def test_a_phone_binds_and_sees_its_home(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        phone = await _signed_in(p)
        bound = await phone.bind("A-101")
        return bound["account_id"], (await phone.home())["accounts"][0]["account_id"]

    assert play(keys, scene) == ("7", "7")


def test_a_phone_pays_and_the_product_is_called_back(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        phone = await _signed_in(p)
        order = await phone.top_up("7", 12_300)
        said = await phone.pay(order)
        await p.world.settle()
        followed = await phone.follow(order.order_no)
        return said, followed["trade_state"], len(p.product.payments), p.world.pay.paid_orders()[0].amount_fen

    assert play(keys, scene) == ("requestPayment:ok", "SUCCESS", 1, 12_300)


def test_a_person_cancels(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        phone = await _signed_in(p)
        said = await phone.cancel(await phone.top_up("7", 12_300))
        return said, p.world.pay.paid_orders()

    assert play(keys, scene) == ("requestPayment:fail cancel", [])


def test_paying_twice_says_so_and_pays_once(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        phone = await _signed_in(p)
        order = await phone.top_up("7", 12_300)
        await phone.pay(order)
        return await phone.pay(order), len(p.world.pay.paid_orders())

    assert play(keys, scene) == ("requestPayment:fail (该订单已支付)", 1)


def test_parameters_that_were_changed_do_not_pay(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        phone = await _signed_in(p)
        order = await phone.top_up("7", 12_300)
        assert order.pay is not None
        forged = type(order)(order.order_no, 1, order.request_id, {**order.pay, "nonceStr": "other"})
        return await phone.pay(forged), p.world.pay.paid_orders()

    assert play(keys, scene) == ("requestPayment:fail (支付验证签名失败)", [])


def test_a_refusal_of_the_product_reaches_the_phone(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        await _signed_in(p)
        await p.world.phone(p.tenant).home()

    with pytest.raises(PhoneError, match="401 sign_in_needed 请先登录"):
        play(keys, scene)


def test_the_phones_consents_reach_the_product(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        template_id = keys.names.mini_program.templates["LOW"]
        phone = p.world.phone(p.tenant)
        said = await phone.allow([template_id])
        await p.world.settle()
        return said[template_id], p.tenant.consents[template_id], len(p.product.events)

    assert play(keys, scene) == ("accept", 1, 1)


def test_more_than_three_templates_cannot_be_asked_for(keys: WorldKeys) -> None:
    async def scene(p: Play) -> None:
        await p.world.phone(p.tenant).allow(list(keys.names.mini_program.templates.values())[:4])

    with pytest.raises(PhoneError, match="20003"):
        play(keys, scene)


def test_the_pay_sheet_shows_the_order_and_its_button_pays(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        fields = p.merchant.sign_phone(await p.placed("PW000001", 123_456))
        client = p.merchant._client
        page = await client.get(
            f"{PAY_URL}/phone/pay", params={**fields, "back": "http://127.0.0.1:9/after?a=1"}
        )
        hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
        form = {name: html.unescape(value) for name, value in hidden}
        answer = await client.post(f"{PAY_URL}/phone/pay", data=form)
        return page.text, answer.status_code, answer.headers["Location"], len(p.world.pay.paid_orders())

    page, status, location, paid = play(keys, scene)

    assert "1,234.56" in page
    assert "商铺电费充值" in page
    assert (status, location, paid) == (303, "http://127.0.0.1:9/after?a=1&result=ok", 1)


def test_the_pay_sheet_leads_back_to_this_machine_alone(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        prepay_id = await p.placed()
        params = {"prepay_id": prepay_id, "back": "https://example.com/"}
        return (await p.merchant._client.get(f"{PAY_URL}/phone/pay", params=params)).status_code

    assert play(keys, scene) == 400


def test_a_phone_whose_payment_is_in_flight_is_told_ok(keys: WorldKeys) -> None:
    async def scene(p: Play) -> Any:
        phone = await _signed_in(p)
        p.world.pay.switches.set(PayFault.PAID_AFTER_CLOSE)
        said = await phone.pay(await phone.top_up("7", 12_300))
        return said, p.world.pay.paid_orders()

    assert play(keys, scene) == ("requestPayment:ok", [])

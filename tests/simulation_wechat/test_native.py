"""The simulated phone scans a code and pays at the sheet, by page or by program."""

import json

from simulator.keys import WorldKeys
from simulator.pay_orders import CODE_URL
from tests.simulation_wechat.helpers import Play, play


async def placed(scene: Play, number: str = "PW000001") -> str:
    order = scene.merchant.order(number, scene.tenant.openid, 10_000)
    del order["payer"]
    answer = await scene.merchant.send("POST", "/v3/pay/transactions/native", order)
    return str(answer.json()["code_url"])


def test_a_scanned_code_shows_the_sheet_and_is_paid_by_its_button(keys: WorldKeys) -> None:
    async def scene(on: Play) -> None:
        code_url = await placed(on)
        fields = {"code_url": code_url, "openid": on.tenant.openid}
        sheet = await on.world.pay.respond("GET", f"/phone/pay?code_url={code_url}", {}, b"")
        headers = {"Content-Type": "application/json"}
        paid = await on.world.pay.respond("POST", "/phone/pay", headers, json.dumps(fields).encode())

        assert code_url.startswith(CODE_URL)
        assert (sheet.status, "100.00" in sheet.body.decode()) == (200, True)
        assert json.loads(paid.body)["result"] == "ok"
        state = (await on.merchant.query("PW000001")).json()
        assert (state["trade_state"], state["trade_type"]) == ("SUCCESS", "NATIVE")
        assert state["payer"]["openid"] == on.tenant.openid

    play(keys, scene)


def test_a_native_order_that_names_a_payer_is_refused(keys: WorldKeys) -> None:
    async def scene(on: Play) -> None:
        order = on.merchant.order("PW000001", on.tenant.openid, 10_000)
        answer = await on.merchant.send("POST", "/v3/pay/transactions/native", order)

        assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")

    play(keys, scene)

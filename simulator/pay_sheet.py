"""The phone's pay sheet (支付面板): what WeChat itself shows when a mini-program asks for payment.

A page for people and two endpoints for programs. Reached on loopback only.
"""

import html
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import httpx

from common.clock import Clock
from common.units import yuan_text
from simulator import pay_crypto
from simulator.keys import WorldKeys
from simulator.pay_orders import Order, PayError
from simulator.web import Response, html_response, json_response

if TYPE_CHECKING:
    from simulator.pay_server import PayServer

_SIGNED_FIELDS = ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Content-Type"}


class PaySheet:
    """GET /phone/pay shows the sheet; POST /phone/pay and /phone/cancel are its two buttons.

    Both take a form or JSON: prepay_id, or package with the signed fields of wx.requestPayment (then
    paySign is checked), or the code_url of a scanned code with the openid of whoever scans it; optionally
    openid and back. A form with `back` is answered by a redirect with ?result=ok|cancel|fail; JSON by
    {"result", "err_msg"}.
    """

    def __init__(self, server: "PayServer", keys: WorldKeys, clock: Clock) -> None:
        self._server = server
        self._keys = keys
        self._clock = clock

    def respond(self, method: str, path: str, query: str, headers: httpx.Headers, body: bytes) -> Response:
        if method == "OPTIONS":
            return Response(204, dict(_CORS))
        is_json = headers.get("Content-Type", "").startswith("application/json")
        try:
            fields = _fields(query, body, is_json)
            back = _checked_back(fields.get("back", ""))
        except ValueError as error:
            return json_response(400, {"result": "fail", "err_msg": str(error)}, _CORS)
        if (method, path) == ("GET", "/phone/pay"):
            return self._show(fields, back)
        if (method, path) == ("POST", "/phone/cancel"):
            return _done("cancel", "requestPayment:fail cancel", back)
        if (method, path) == ("POST", "/phone/pay"):
            return self._pay(fields, back)
        return json_response(404, {"result": "fail", "err_msg": "页面不存在"}, _CORS)

    def _pay(self, fields: dict[str, str], back: str) -> Response:
        try:
            self._check_signature(fields)
            self._server.pay(_prepay_id(fields), fields.get("openid") or None)
        except PayError as error:
            return _done("fail", f"requestPayment:fail ({error.message})", back)
        return _done("ok", "requestPayment:ok", back)

    def _check_signature(self, fields: dict[str, str]) -> None:
        if "paySign" not in fields:
            return
        appid = self._keys.names.mini_program.appid
        if fields.get("signType") != "RSA" or fields.get("appId", appid) != appid:
            raise PayError(400, "PARAM_ERROR", "支付参数有误")
        message = pay_crypto.pay_sign_message(
            appid, fields.get("timeStamp", ""), fields.get("nonceStr", ""), fields.get("package", "")
        )
        key = self._keys.merchant_key.public_key()
        if not pay_crypto.is_signed(key, message, fields["paySign"]):
            raise PayError(400, "SIGN_ERROR", "支付验证签名失败")

    def _show(self, fields: dict[str, str], back: str) -> Response:
        try:
            prepay_id = _prepay_id(fields)
            order = self._server.book.payable(prepay_id, self._clock.now())
        except PayError as error:
            return html_response(error.status, _page(_problem(error.message, back)))
        kept = {name: fields[name] for name in (*_SIGNED_FIELDS, "openid") if name in fields}
        return html_response(200, _page(_sheet(order, {"prepay_id": prepay_id, "back": back, **kept})))


def _fields(query: str, body: bytes, is_json: bool) -> dict[str, str]:
    fields = {name: values[-1] for name, values in parse_qs(query).items()}
    if body and is_json:
        given: Any = json.loads(body)
        if not isinstance(given, dict):
            raise ValueError("请求不是 JSON 对象")
        fields |= {str(name): str(value) for name, value in given.items() if value is not None}
    elif body:
        fields |= {name: values[-1] for name, values in parse_qs(body.decode()).items()}
    return fields


def _prepay_id(fields: dict[str, str]) -> str:
    package = fields.get("package", "")
    named = package.removeprefix("prepay_id=") if package.startswith("prepay_id=") else ""
    prepay_id = fields.get("prepay_id", named) or fields.get("code_url", "")
    if not prepay_id or (named and named != prepay_id):
        raise PayError(400, "PARAM_ERROR", "缺少参数 prepay_id")
    return prepay_id


def _checked_back(back: str) -> str:
    """Accept only addresses on this machine. Raises ValueError for any other."""
    if not back:
        return ""
    parts = urlsplit(back)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not (host in _LOOPBACK or host.endswith(".localhost")):
        raise ValueError("back 只能是本机地址")
    return back


def _done(result: str, err_msg: str, back: str) -> Response:
    if not back:
        return json_response(200, {"result": result, "err_msg": err_msg}, _CORS)
    parts = urlsplit(back)
    query = urlencode([*parse_qsl(parts.query), ("result", result)])
    return Response(303, {"Location": urlunsplit(parts._replace(query=query))})


def _sheet(order: Order, hidden: dict[str, str]) -> str:
    inputs = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in hidden.items()
        if value
    )
    return f"""<main class="sheet" aria-label="微信支付">
<h1>微信支付 <small>模拟</small></h1>
<p class="what">{html.escape(order.description)}</p>
<p class="amount"><span>¥</span>{yuan_text(order.amount_fen)}</p>
<dl><dt>付款方式</dt><dd>零钱（模拟）</dd><dt>商户订单号</dt><dd>{html.escape(order.out_trade_no)}</dd></dl>
<form method="post">{inputs}
<button class="pay" formaction="/phone/pay">确认支付</button>
<button class="cancel" formaction="/phone/cancel">取消</button></form></main>"""


def _problem(message: str, back: str) -> str:
    link = f'<a class="pay" href="{html.escape(back)}">返回</a>' if back else ""
    return f'<main class="sheet"><h1>无法支付</h1><p class="what">{html.escape(message)}</p>{link}</main>'


def _page(content: str) -> str:
    return f"""<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>微信支付</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body{{margin:0;min-height:100vh;display:flex;align-items:flex-end;justify-content:center;
background:rgba(0,0,0,.55);font-family:-apple-system,"PingFang SC","Noto Sans CJK SC",sans-serif;color:#111}}
.sheet{{background:#fff;width:100%;max-width:430px;border-radius:14px 14px 0 0;padding:20px 24px 32px;
box-sizing:border-box;text-align:center}}
h1{{font-size:17px;font-weight:600;margin:0 0 20px}}small{{color:#888;font-weight:400}}
.what{{margin:0;font-size:15px}}.amount{{font-size:44px;font-weight:600;margin:8px 0 20px}}
.amount span{{font-size:28px;margin-right:4px}}
dl{{display:grid;grid-template-columns:auto 1fr;gap:10px;margin:0 0 24px;padding-top:16px;
border-top:1px solid #eee;font-size:14px}}dt{{color:#888;text-align:left}}
dd{{margin:0;text-align:right;overflow-wrap:anywhere}}
button,a.pay{{display:block;width:100%;box-sizing:border-box;min-height:48px;border:0;border-radius:8px;
font-size:17px;margin-top:12px;line-height:48px;padding:0;text-decoration:none}}
.pay{{background:#07c160;color:#fff}}.cancel{{background:#f2f2f2;color:#111}}
</style></head><body>{content}</body></html>"""

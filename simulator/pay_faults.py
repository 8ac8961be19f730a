"""Faults the simulated WeChat Pay can be told to have (支付故障)."""

from dataclasses import dataclass
from enum import StrEnum

from simulator.switches import Switches


class PayFault(StrEnum):
    """The subject of each is an order number; `value` is what the comment says."""

    CALLBACK_DROPPED = "callback_dropped"  # A delivery is lost on its way; the retry clock goes on.
    CALLBACK_DOUBLED = "callback_doubled"  # Delivered again, `value` seconds after it was taken.
    CALLBACK_AT_ONCE = "callback_at_once"  # The same delivery `value` times at the same moment.
    CALLBACK_LATE = "callback_late"  # The first delivery leaves `value` seconds late.
    CALLBACK_BEFORE_ANSWER = "callback_before_answer"  # Paid and called back before the order is answered.
    PAID_AFTER_CLOSE = "paid_after_close"  # The payment counts only `value` s after the merchant's close.
    ERROR_AFTER_TAKING = "error_after_taking"  # The order is taken, the answer is 500.
    PROBE_IN_CALLBACK = "probe_in_callback"  # A WECHATPAY/SIGNTEST/ delivery goes before the real one.
    PROBE_IN_ANSWER = "probe_in_answer"  # The answer is signed WECHATPAY/SIGNTEST/.
    WRONG_AMOUNT = "wrong_amount"  # The callback's amount is `value` fen off.
    CLOCK_SKEW = "clock_skew"  # Timestamps of answers and callbacks are `value` seconds off.
    CERTIFICATE_SERIAL = "certificate_serial"  # Signed with the platform certificate, hexadecimal serial.
    UNSIGNED_ANSWER = "unsigned_answer"  # The answer carries no signature.
    SLOW_ANSWER = "slow_answer"  # The answer takes `value` seconds.
    FREQUENCY_LIMITED = "frequency_limited"  # 429, nothing done.
    SYSTEM_ERROR = "system_error"  # 500, nothing done.
    DOWN = "down"  # The connection is cut, nothing done.


PaySwitches = Switches[PayFault]


@dataclass(frozen=True)
class Code:
    status: int
    code: str
    message: str


@dataclass(frozen=True)
class DoubtfulCodes:
    """Error codes that differ between accounts or were seen in two variants (facts: not confirmed)."""

    changed: Code = Code(403, "OUT_TRADE_NO_USED", "商户订单号重复")
    paid: Code = Code(400, "INVALID_REQUEST", "订单已支付")
    closed: Code = Code(400, "ORDER_CLOSED", "订单已关闭")
    expired: Code = Code(400, "INVALID_REQUEST", "订单已过期，请更换商户订单号")
    close_paid: Code = Code(400, "INVALID_REQUEST", "订单已支付，无法关闭")
    close_closed: Code = Code(204, "", "")  # Closing a closed order again.
    replayed: Code = Code(401, "SIGN_ERROR", "请求重放：nonce_str 已使用")


OLDER_ACCOUNT = DoubtfulCodes(
    changed=Code(400, "INVALID_REQUEST", "201 商户订单号重复"),
    paid=Code(400, "ORDERPAID", "该订单已支付"),
    close_paid=Code(400, "ORDERPAID", "该订单已支付"),
    close_closed=Code(400, "ORDER_CLOSED", "订单已关闭"),
)

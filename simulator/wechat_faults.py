"""Faults the simulated WeChat API can be told to have (消息故障)."""

from enum import StrEnum

from simulator.switches import Switches


class MessageFault(StrEnum):
    """The subject of each is an openid, a template id, an app ("mini-program") or a call ("subscribe").

    Calls: "login", "token", "subscribe", "template", "user". `value` is what the comment says.
    """

    REFUSED = "refused"  # 43101: the person has refused (and the consents are gone).
    QUOTA = "quota"  # 45009: the day's quota is used up.
    CODE = "code"  # The error code `value`.
    BUSY = "busy"  # -1: try later; nothing is done.
    TOKEN_REJECTED = "token_rejected"  # 40001, though the access token is good.
    DOWN = "down"  # The connection is cut, nothing done.
    DOWN_AFTER_TAKING = "down_after_taking"  # Taken and delivered, but the connection is cut.
    SLOW = "slow"  # The answer takes `value` seconds.
    NO_RECEIPT = "no_receipt"  # The message arrives, its receipt never does.
    RECEIPT_LATE = "receipt_late"  # The receipt leaves `value` seconds later than usual.
    RECEIPT_FAILED = "receipt_failed"  # The message does not arrive, and the receipt says so.
    RECEIPT_DOUBLED = "receipt_doubled"  # The receipt comes twice.
    RECEIPT_FORGED = "receipt_forged"  # A receipt signed with a wrong token goes before the real one.
    EVENT_SKEW = "event_skew"  # Events are stamped `value` seconds off.


MessageSwitches = Switches[MessageFault]

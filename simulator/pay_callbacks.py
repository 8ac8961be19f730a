"""Payment callbacks of the simulated WeChat Pay: sealing, signing, retry clock (支付回调)."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from common.clock import Clock, local
from simulator import pay_crypto
from simulator.keys import WorldKeys
from simulator.pay_faults import PayFault, PaySwitches
from simulator.pay_orders import Order, OrderBook
from simulator.pay_signer import Signer
from simulator.web import Caller

REPLY_WITHIN_S = 5.0
_MINUTE, _HOUR = 60, 3600
RETRY_AFTER_S = (
    *(15, 15, 30, 3 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 30 * _MINUTE, 30 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 3 * _HOUR, 3 * _HOUR, 6 * _HOUR, 6 * _HOUR),
)
DOUBLED_AFTER_S = 1.0
PROBE_BEFORE_S = 0.1
MAX_COPIES = 1_000


@dataclass(frozen=True)
class Delivery:
    """One try to deliver one event.

    kind:   "genuine", "probe", "double", or "dropped" (never sent).
    sent_at: when the last byte had left; status 0: no answer in time.
    """

    out_trade_no: str
    event_id: str
    attempt: int
    kind: str
    sent_at: datetime
    answered_at: datetime
    status: int
    answer: str

    @property
    def taken(self) -> bool:
        return self.status in (200, 204)


@dataclass(frozen=True)
class Event:
    event_id: str
    created_at: datetime


class CallbackSender:
    """Delivers TRANSACTION.SUCCESS events until they are taken or the retry clock has run down."""

    def __init__(
        self,
        keys: WorldKeys,
        clock: Clock,
        call: Caller,
        switches: PaySwitches,
        book: OrderBook,
        signer: Signer,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._call = call
        self._switches = switches
        self._book = book
        self._signer = signer
        self.deliveries: list[Delivery] = []
        self.given_up: list[str] = []  # Order numbers whose retries all failed.

    async def deliver(self, order: Order) -> None:
        """Deliver one payment's event with the channel's retries (回调重试)."""
        event = self.new_event()
        if late := self._switches.strikes(PayFault.CALLBACK_LATE, order.out_trade_no):
            await self._clock.sleep(late.value)
        for attempt, wait_s in enumerate((0, *RETRY_AFTER_S)):
            if wait_s:
                await self._clock.sleep(wait_s)
            if await self.attempt(order, event, attempt):
                await self._double(order, event, attempt)
                return
        self.given_up.append(order.out_trade_no)

    def new_event(self) -> Event:
        return Event(f"EV-{self._signer.nonce(32)}", self._clock.now())

    async def attempt(self, order: Order, event: Event, attempt: int = 0) -> bool:
        """Deliver once (or lose it, or many times at once, as the switches say); True when taken."""
        number = order.out_trade_no
        if self._switches.strikes(PayFault.CALLBACK_DROPPED, number):
            now = self._clock.now()
            self.deliveries.append(Delivery(number, event.event_id, attempt, "dropped", now, now, 0, ""))
            return False
        if self._switches.strikes(PayFault.PROBE_IN_CALLBACK, number):
            await self._send(order, event, attempt, "probe")
            await self._clock.sleep(PROBE_BEFORE_S)
        at_once = self._switches.strikes(PayFault.CALLBACK_AT_ONCE, number)
        copies = min(max(int(at_once.value), 1), MAX_COPIES) if at_once else 1
        sends = [self._send(order, event, attempt, "genuine") for _ in range(copies)]
        return any(delivery.taken for delivery in await asyncio.gather(*sends))

    async def _double(self, order: Order, event: Event, attempt: int) -> None:
        if doubled := self._switches.strikes(PayFault.CALLBACK_DOUBLED, order.out_trade_no):
            await self._clock.sleep(doubled.value or DOUBLED_AFTER_S)
            await self._send(order, event, attempt, "double")

    async def _send(self, order: Order, event: Event, attempt: int, kind: str) -> Delivery:
        headers, body = self.callback(order, event, probe=kind == "probe")
        sent_at = self._clock.now()
        status, text = 0, ""
        try:
            async with asyncio.timeout(REPLY_WITHIN_S):
                answer = await self._call("POST", order.notify_url, headers, body)
            status, sent_at, text = answer.status, answer.sent_at, answer.body[:200].decode(errors="replace")
        except (OSError, httpx.HTTPError, TimeoutError) as error:
            text = type(error).__name__
        delivery = Delivery(
            order.out_trade_no, event.event_id, attempt, kind, sent_at, self._clock.now(), status, text
        )
        self.deliveries.append(delivery)
        return delivery

    def callback(
        self, order: Order, event: Event | None = None, *, probe: bool = False
    ) -> tuple[dict[str, str], bytes]:
        """Compose a callback as it goes over the wire: headers and raw body."""
        wrong = self._switches.strikes(PayFault.WRONG_AMOUNT, order.out_trade_no)
        amount_fen = order.amount_fen + int(wrong.value or 1) if wrong else None
        body = compose_callback(
            self._keys.names.apiv3_key,
            self._book.view(order, amount_fen),
            event or self.new_event(),
            self._signer.nonce(12),
        )
        headers = {
            "Content-Type": "application/json",
            "Accept": "*/*",
            "User-Agent": "Mozilla/4.0",
            "Request-ID": self._signer.nonce(24),
            **self._signer.headers(body, order.out_trade_no, probe=probe),
        }
        return headers, body


def compose_callback(apiv3_key: str, transaction: Mapping[str, Any], event: Event, nonce: str) -> bytes:
    """Seal a transaction into the body of a callback (回调报文)."""
    plain = json.dumps(transaction, ensure_ascii=False, separators=(",", ":")).encode()
    return json.dumps(
        {
            "id": event.event_id,
            "create_time": local(event.created_at).isoformat(timespec="seconds"),
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": pay_crypto.ALGORITHM,
                "ciphertext": pay_crypto.seal(apiv3_key, plain, nonce, "transaction"),
                "associated_data": "transaction",
                "nonce": nonce,
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()

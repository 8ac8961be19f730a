"""Signs what the simulated WeChat Pay says: answers and callbacks (应答签名)."""

import random

from common.clock import Clock
from simulator import pay_crypto
from simulator.keys import WorldKeys
from simulator.pay_faults import PayFault, PaySwitches

_NONCE_TEXT = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Signer:
    """certificate_mode: an older merchant, whose messages are all signed with the platform certificate."""

    def __init__(
        self,
        keys: WorldKeys,
        clock: Clock,
        switches: PaySwitches,
        random_: random.Random,
        certificate_mode: bool = False,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._switches = switches
        self._random = random_
        self.certificate_mode = certificate_mode

    def nonce(self, length: int = 32) -> str:
        return "".join(self._random.choice(_NONCE_TEXT) for _ in range(length))

    def headers(
        self, body: bytes, order_no: str | None, *, asked_serial: str = "", probe: bool = False
    ) -> dict[str, str]:
        """Return the five signature headers for a body.

        asked_serial: what the request named in Wechatpay-Serial; it chooses the key of the answer
        while an account moves from certificate to public key. probe: sign as WeChat's own test does.
        """
        skew = self._switches.strikes(PayFault.CLOCK_SKEW, order_no)
        timestamp = str(int(self._clock.now().timestamp() + (skew.value if skew else 0)))
        nonce = self.nonce()
        by_certificate = self._by_certificate(order_no, asked_serial)
        key = self._keys.certificate_key if by_certificate else self._keys.platform_key
        signature = pay_crypto.sign(key, pay_crypto.answer_message(timestamp, nonce, body))
        if probe:
            signature = pay_crypto.PROBE_PREFIX + signature[len(pay_crypto.PROBE_PREFIX) :]
        names = self._keys.names
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signature,
            "Wechatpay-Serial": self._keys.platform_serial if by_certificate else names.public_key_id,
            "Wechatpay-Signature-Type": pay_crypto.SCHEME,
        }

    def _by_certificate(self, order_no: str | None, asked_serial: str) -> bool:
        if self.certificate_mode:
            return True
        if asked_serial.startswith("PUB_KEY_ID_"):
            return False
        return self._switches.strikes(PayFault.CERTIFICATE_SERIAL, order_no) is not None

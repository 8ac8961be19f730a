"""WeChat Pay v3 signatures and sealed messages, as WeChat's side makes and checks them (签名与加密).

Written from the channel's document alone and shared with nobody: the product has its own.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "WECHATPAY2-SHA256-RSA2048"
ALGORITHM = "AEAD_AES_256_GCM"
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"

_FIELD = re.compile(r'([a-z_]+)="([^"]*)"')
_FIELDS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


@dataclass(frozen=True)
class Authorization:
    """The merchant's signature on a request (Authorization header)."""

    mchid: str
    serial: str
    nonce: str
    timestamp: int
    signature: str


def parse_authorization(header: str) -> Authorization:
    """Read an Authorization header. Raises ValueError when anything is missing or misspelt."""
    scheme, _, rest = header.partition(" ")
    if scheme != SCHEME:
        raise ValueError("Authorization 的认证类型不正确")
    fields = dict(_FIELD.findall(rest))
    if fields.keys() != _FIELDS or not all(fields.values()):
        raise ValueError("Authorization 的参数不完整")
    if not fields["timestamp"].isdigit():
        raise ValueError("Authorization 的 timestamp 不是秒数")
    return Authorization(
        fields["mchid"],
        fields["serial_no"],
        fields["nonce_str"],
        int(fields["timestamp"]),
        fields["signature"],
    )


def request_message(method: str, target: str, timestamp: int, nonce: str, body: bytes) -> bytes:
    """Compose what a merchant signs: five lines, each ended by LF."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """Compose what WeChat Pay signs on answers and callbacks."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def pay_sign_message(appid: str, timestamp: str, nonce: str, package: str) -> bytes:
    """Compose what paySign signs; signType is not part of it."""
    return f"{appid}\n{timestamp}\n{nonce}\n{package}\n".encode()


def sign(key: rsa.RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(key: rsa.RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def seal(apiv3_key: str, plain: bytes, nonce: str, associated_data: str) -> str:
    """Encrypt with the APIv3 key; the 16-byte tag is the end of the result (base64)."""
    sealed = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), plain, associated_data.encode())
    return base64.b64encode(sealed).decode()


def unseal(apiv3_key: str, ciphertext: str, nonce: str, associated_data: str) -> bytes:
    """Undo `seal`. Raises cryptography's InvalidTag for another key or changed text."""
    data = base64.b64decode(ciphertext)
    return AESGCM(apiv3_key.encode()).decrypt(nonce.encode(), data, associated_data.encode())

"""Signatures and encryption of WeChat's pushed events, as WeChat's side makes them (消息加解密).

Written from WeChat's document alone and shared with nobody: the product has its own.
"""

import base64
import hashlib
import struct
from collections.abc import Mapping
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK_BYTES = 32
RANDOM_BYTES = 16

# A value is text, a number, a group of named values, or a list of groups under one name.
XmlValue = str | int | Mapping[str, "XmlValue"] | list[Mapping[str, "XmlValue"]]


def signature(*parts: str) -> str:
    """Return the SHA-1 of the sorted parts: token, timestamp, nonce and, for msg_signature, the cipher."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt(aes_key: str, appid: str, plain: bytes, prefix: bytes) -> str:
    """Encrypt in "safe mode" (安全模式). prefix: 16 random bytes that go before the length."""
    if len(prefix) != RANDOM_BYTES:
        raise ValueError("the random prefix must have 16 bytes")
    text = prefix + struct.pack(">I", len(plain)) + plain + appid.encode()
    padding = BLOCK_BYTES - len(text) % BLOCK_BYTES
    encryptor = _cipher(aes_key).encryptor()
    sealed = encryptor.update(text + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(aes_key: str, appid: str, sealed: str) -> bytes:
    """Undo `encrypt`. Raises ValueError when it was made for another app or is damaged."""
    decryptor = _cipher(aes_key).decryptor()
    text = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
    text = text[RANDOM_BYTES : -text[-1]]
    (length,) = struct.unpack(">I", text[:4])
    if text[4 + length :] != appid.encode():
        raise ValueError("encrypted for another app")
    return text[4 : 4 + length]


def xml(fields: Mapping[str, XmlValue]) -> bytes:
    """Write an event as WeChat does: numbers bare, text in CDATA (事件报文)."""
    return f"<xml>{_inner(fields)}</xml>".encode()


def _inner(fields: Mapping[str, XmlValue]) -> str:
    return "".join(_element(escape(name), value) for name, value in fields.items())


def _element(name: str, value: XmlValue) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, Mapping):
        return f"<{name}>{_inner(value)}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    # "]]>" would end the section: split it over two.
    return f"<{name}><![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]></{name}>"


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))

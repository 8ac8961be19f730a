"""A meter's control password and operator code (电表控制密码), sealed in its row.

They open breakers: no list, log or audit record holds them. They leave the backend in a collector's plan
alone, over its authenticated link.
"""

import base64
import random

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct

from backend.errors import Bug

_NONCE_BYTES = 12


class Control(Struct, frozen=True):
    """What a DL/T 645 relay command carries, in hex as sent: PA P0 P1 P2 and the operator's code."""

    password: str = "02000000"
    operator: str = "00000000"

    def __repr__(self) -> str:
        return "Control(…)"  # Nothing that prints may show it.


def seal_control(key: bytes, meter_id: int, control: Control, random_: random.Random) -> str:
    """Encrypt for the meter's row (AES-256-GCM); in another meter's row it cannot be opened."""
    nonce = random_.randbytes(_NONCE_BYTES)
    plain = bytes.fromhex(control.password + control.operator)
    sealed = AESGCM(_key(key)).encrypt(nonce, plain, str(meter_id).encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def open_control(key: bytes, meter_id: int, sealed: str) -> Control:
    """Decrypt; an empty text is the values that meters leave the factory with.

    A row that was tampered with, or another key, is a Bug.
    """
    if not sealed:
        return Control()
    raw = base64.urlsafe_b64decode(sealed)
    try:
        plain = AESGCM(_key(key)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], str(meter_id).encode())
    except InvalidTag:
        raise Bug(f"the control password of meter {meter_id} cannot be opened") from None
    return Control(plain[:4].hex().upper(), plain[4:].hex().upper())


def resealed(key: bytes, meter_id: int, before: str, control: Control, random_: random.Random) -> str:
    """Return what the row shall hold: as it was when nothing changes, empty for the factory's values."""
    if open_control(key, meter_id, before) == control:
        return before
    return "" if control == Control() else seal_control(key, meter_id, control, random_)


def _key(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"prewatt meter control").derive(key)

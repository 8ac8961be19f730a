"""Passwords and one-time passwords (密码、动态口令): argon2id, RFC 6238, and secrets at rest."""

import asyncio
import base64
import hmac
import random
from datetime import datetime
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.errors import Bug, Invalid

STEP_S = 30
_STEPS_AROUND = 1  # A phone's clock may be half a minute off.
_NONCE_BYTES = 12
_SHORTEST, _LONGEST, _FEWEST_DISTINCT = 12, 128, 5
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SECRET_CHARACTERS = 32  # 160 bits, as RFC 4226 asks for.
ISSUER = "预电"

# OWASP's second choice for argon2id: 19 MiB, two passes, one lane; 20 to 40 ms on the mall's server.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class WeakPassword(Invalid):
    code = "weak_password"
    message = "密码至少 12 位，不能包含账号，也不能只由少数几个字符组成"


def check_password(password: str, username: str) -> None:
    """Raise WeakPassword for one that is short, made of few characters, or holds the user name."""
    is_long_enough = _SHORTEST <= len(password) <= _LONGEST
    holds_name = bool(username) and username.lower() in password.lower()
    if not is_long_enough or holds_name or len(set(password)) < _FEWEST_DISTINCT:
        raise WeakPassword(fields={"password": "密码强度不足"})


async def hash_password(password: str) -> str:
    """Hash in the executor: 19 MiB and tens of milliseconds, during which the loop goes on."""
    return await asyncio.get_running_loop().run_in_executor(None, _hasher.hash, password)


async def has_password(password_hash: str, password: str) -> bool:
    """Compare in the executor; an empty hash takes as long as a real one and never matches."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, _compare, password_hash, password[:_LONGEST])


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash("nobody signs in with this")


def _compare(password_hash: str, password: str) -> bool:
    nobody = _hash_of_nobody()
    try:
        _hasher.verify(password_hash or nobody, password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)


def new_totp_secret(random_: random.Random) -> str:
    """Return a secret in base32, as authenticator apps take it."""
    return "".join(random_.choice(_BASE32) for _ in range(_SECRET_CHARACTERS))


def totp_uri(secret: str, username: str) -> str:
    """Return what is shown as a QR code for an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the 30 s step whose code this is; None for a wrong code.

    Whether the step was used before is the caller's question.
    """
    totp = pyotp.TOTP(secret)
    newest = int(now.timestamp()) // STEP_S + _STEPS_AROUND
    matching: int | None = None
    # All steps are compared, so that the time taken does not say which one was near.
    for step in range(newest - 2 * _STEPS_AROUND, newest + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode(errors="replace")):
            matching = step
    return matching


def seal_secret(key: bytes, staff_id: int, secret: str, random_: random.Random) -> str:
    """Encrypt a secret for its row (AES-256-GCM); in another person's row it cannot be opened."""
    nonce = random_.randbytes(_NONCE_BYTES)
    sealed = AESGCM(_totp_key(key)).encrypt(nonce, secret.encode(), str(staff_id).encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def open_secret(key: bytes, staff_id: int, sealed: str) -> str:
    """Decrypt a secret. A row that was tampered with, or another key, is a Bug."""
    raw = base64.urlsafe_b64decode(sealed)
    try:
        plain = AESGCM(_totp_key(key)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], str(staff_id).encode())
    except InvalidTag:
        raise Bug(f"the one-time password secret of staff {staff_id} cannot be opened") from None
    return plain.decode()


def _totp_key(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"prewatt totp").derive(key)

"""Keys, signatures and sealed messages of WeChat Pay v3 (签名、验签、解密).

Pure: keys come from PEM files read once at start, the time is handed in, nothing here can make a call.
Source: the channel's APIv3 rules; checked against wechatpayv3 in the tests.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.errors import ConfigError
from backend.payments.port import CallbackReason
from backend.settings import WechatPaySettings

SCHEME = "WECHATPAY2-SHA256-RSA2048"
PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
FRESH_S = 300

_MIN_RSA_BITS = 2048
_GCM_NONCE_BYTES = 12
_MAX_TIMESTAMP_CHARS = 12
_MAX_NONCE_CHARS = 128
_MAX_SERIAL_CHARS = 128
_MAX_SIGNATURE_CHARS = 1_024

_HEADERS = ("wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial")
_HEADER_LIMITS = (_MAX_TIMESTAMP_CHARS, _MAX_NONCE_CHARS, _MAX_SIGNATURE_CHARS, _MAX_SERIAL_CHARS)
_KEY_VARIABLE = "PREWATT_WECHATPAY_MERCHANT_KEY_FILE"
_VERIFY_VARIABLE = "PREWATT_WECHATPAY_VERIFY_KEYS"
_SECRET_VARIABLE = "PREWATT_WECHATPAY_APIV3_KEY"


class Unverified(Exception):
    """A signature does not hold. `reason` is one of the signature reasons of CallbackReason."""

    def __init__(self, reason: CallbackReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Undecryptable(Exception):
    """A sealed resource does not open with our APIv3 key."""


class Signer:
    """Signs as the merchant (商户私钥)."""

    def __init__(self, mchid: str, serial: str, key: rsa.RSAPrivateKey) -> None:
        self._mchid = mchid
        self._serial = serial
        self._key = key

    def sign(self, message: bytes) -> str:
        """Sign with SHA256 and RSA PKCS#1 v1.5; return base64."""
        return base64.b64encode(self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()

    def authorization(self, method: str, target: str, at: datetime, nonce: str, body: bytes) -> str:
        """Return the Authorization header. target: path with query, exactly as sent."""
        timestamp = str(int(at.timestamp()))
        message = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
        return (
            f'{SCHEME} mchid="{self._mchid}",nonce_str="{nonce}",signature="{self.sign(message)}",'
            f'timestamp="{timestamp}",serial_no="{self._serial}"'
        )


class Verifier:
    """Checks what WeChat Pay signed, with certificates and public keys side by side (验签)."""

    def __init__(self, keys: Mapping[str, rsa.RSAPublicKey]) -> None:
        self._keys = {_same_serial(serial): key for serial, key in keys.items()}
        self.public_key_id = next((serial for serial in keys if serial.startswith(PUBLIC_KEY_PREFIX)), None)

    def check(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Check the signature over the raw body. headers: names in any case. Raises Unverified.

        A probe is told apart before anything else, so that it never counts as an attack.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        values = [lower.get(name, "") for name in _HEADERS]
        timestamp, nonce, signature, serial = values
        if signature.startswith(PROBE_PREFIX):
            raise Unverified(CallbackReason.PROBE)
        if not all(values):
            raise Unverified(CallbackReason.MISSING_HEADER)
        if not _well_formed(values) or lower.get("wechatpay-signature-type", SCHEME) != SCHEME:
            raise Unverified(CallbackReason.BAD_HEADER)
        if abs(now.timestamp() - int(timestamp)) > FRESH_S:
            raise Unverified(CallbackReason.STALE)
        key = self._keys.get(_same_serial(serial))
        if key is None:
            raise Unverified(CallbackReason.UNKNOWN_SERIAL)
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        try:
            raw = base64.b64decode(signature, validate=True)
            key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            raise Unverified(CallbackReason.BAD_SIGNATURE) from None


class Opener:
    """Opens sealed resources with the APIv3 key (AEAD_AES_256_GCM)."""

    def __init__(self, apiv3_key: str) -> None:
        if len(apiv3_key.encode()) != 32:
            raise ConfigError(f"{_SECRET_VARIABLE} must have exactly 32 bytes")
        self._cipher = AESGCM(apiv3_key.encode())

    def open(self, ciphertext: str, nonce: str, associated_data: str) -> bytes:
        """Decrypt base64 whose last 16 bytes are the tag. associated_data may be empty."""
        if len(nonce.encode()) != _GCM_NONCE_BYTES:
            raise Undecryptable("the nonce must have 12 bytes")
        try:
            sealed = base64.b64decode(ciphertext, validate=True)
            return self._cipher.decrypt(nonce.encode(), sealed, associated_data.encode())
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Undecryptable(type(error).__name__) from None


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything one merchant's channel holds in keys; reading them takes some 60 ms."""

    signer: Signer
    verifier: Verifier
    opener: Opener


def load_keys(settings: WechatPaySettings) -> Keys:
    """Read all keys that the settings name. Raises ConfigError."""
    return Keys(
        load_signer(settings.mchid, settings.merchant_serial, settings.merchant_key_file),
        load_verifier(settings.verify_keys),
        Opener(settings.apiv3_key),
    )


def load_signer(mchid: str, serial: str, key_file: Path) -> Signer:
    """Read the merchant key, PKCS#1 or PKCS#8 PEM. Raises ConfigError."""
    try:
        key = serialization.load_pem_private_key(_read(_KEY_VARIABLE, key_file), password=None)
    except (ValueError, TypeError):
        # Never chained: the text of a parser error may quote key material.
        raise ConfigError(f"{_KEY_VARIABLE} must name an unencrypted PEM private key: {key_file}") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _MIN_RSA_BITS:
        raise ConfigError(
            f"{_KEY_VARIABLE} must name an RSA key of at least {_MIN_RSA_BITS} bits: {key_file}"
        )
    return Signer(mchid, serial, key)


def load_verifier(files: Mapping[str, Path]) -> Verifier:
    """Read the verification keys: serial -> certificate, PUB_KEY_ID_… -> public key. Raises ConfigError."""
    if not files:
        raise ConfigError(f"{_VERIFY_VARIABLE} names no key: see .env.example")
    return Verifier({serial: _verify_key(serial, path) for serial, path in files.items()})


def _verify_key(serial: str, path: Path) -> rsa.RSAPublicKey:
    pem = _read(_VERIFY_VARIABLE, path)
    is_certificate = b"-----BEGIN CERTIFICATE-----" in pem
    key: object
    try:
        if is_certificate:
            certificate = x509.load_pem_x509_certificate(pem)
            key = certificate.public_key()
        else:
            key = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError):
        raise ConfigError(f"{_VERIFY_VARIABLE} names a file that holds no PEM key: {path}") from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _MIN_RSA_BITS:
        raise ConfigError(f"{_VERIFY_VARIABLE} must name RSA keys of at least {_MIN_RSA_BITS} bits: {path}")
    if serial.startswith(PUBLIC_KEY_PREFIX):
        if is_certificate:
            raise ConfigError(
                f"{_VERIFY_VARIABLE} gives {serial} a certificate instead of a public key: {path}"
            )
    elif not _is_hex(serial):
        raise ConfigError(
            f"{_VERIFY_VARIABLE} must name hexadecimal serials or {PUBLIC_KEY_PREFIX}…, not {serial!r}"
        )
    elif is_certificate and certificate.serial_number != int(serial, 16):
        raise ConfigError(f"{_VERIFY_VARIABLE} says serial {serial}, but the certificate has another: {path}")
    return key


def _read(variable: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigError(f"{variable} names a file that cannot be read: {path}") from None


def _is_hex(text: str) -> bool:
    return bool(text) and all(char in "0123456789abcdefABCDEF" for char in text)


def _same_serial(serial: str) -> str:
    """Write a certificate serial in one way: some print leading zeros or small letters."""
    if serial.startswith(PUBLIC_KEY_PREFIX) or not _is_hex(serial):
        return serial
    return serial.upper().lstrip("0")


def _well_formed(values: list[str]) -> bool:
    in_limits = all(len(value) <= limit for value, limit in zip(values, _HEADER_LIMITS, strict=True))
    return in_limits and all(value.isascii() for value in values) and values[0].isdigit()

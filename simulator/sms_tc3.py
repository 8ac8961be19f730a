"""Tencent Cloud's request signature TC3-HMAC-SHA256, as the provider checks it (签名方法 v3).

Written from the provider's document alone: the product uses the provider's own SDK.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime

SCHEME = "TC3-HMAC-SHA256"
SERVICE = "sms"
FRESH_WITHIN_S = 300

_HEADER = re.compile(
    rf"^{SCHEME} Credential=([^/]+)/(\d{{4}}-\d\d-\d\d)/([a-z]+)/tc3_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$"
)


class TC3Error(Exception):
    """The request is not signed as it must be: code and message of the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


def check(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Mapping[str, str],
    now: datetime | None,
) -> None:
    """Check a request against the known keys. Raises TC3Error.

    headers: names in lower case. now: None where the client's clock is not ours, and age is not checked.
    """
    match = _HEADER.match(headers.get("authorization", ""))
    if match is None:
        raise TC3Error("AuthFailure.InvalidAuthorization", "请求头部的 Authorization 不符合腾讯云标准")
    secret_id, date, service, signed_headers, signature = match.groups()
    if secret_id not in secrets:
        raise TC3Error("AuthFailure.SecretIdNotFound", "密钥不存在，请检查密钥是否正确")
    timestamp = headers.get("x-tc-timestamp", "")
    is_fresh = timestamp.isdigit() and (now is None or _age_s(timestamp, now) <= FRESH_WITHIN_S)
    if not is_fresh:
        raise TC3Error("AuthFailure.SignatureExpire", "签名过期，时间戳与服务器时间相差不得超过五分钟")
    day = f"{datetime.fromtimestamp(int(timestamp), UTC):%Y-%m-%d}"
    names = signed_headers.split(";")
    if (date, service) != (day, SERVICE) or not {"content-type", "host"} <= set(names):
        raise TC3Error("AuthFailure.SignatureFailure", "签名范围与请求不符")
    message = canonical(method, target, {name: headers.get(name, "") for name in names}, body)
    if not hmac.compare_digest(sign(secrets[secret_id], date, int(timestamp), message), signature):
        raise TC3Error("AuthFailure.SignatureFailure", "签名错误，请检查密钥和签名过程")


def canonical(method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
    """Compose the canonical request of the signed headers (规范请求串)."""
    path, _, query = target.partition("?")
    names = sorted(headers)
    lines = "".join(f"{name}:{_value(name, headers[name])}\n" for name in names)
    return f"{method}\n{path}\n{query}\n{lines}\n{';'.join(names)}\n{hashlib.sha256(body).hexdigest()}"


def sign(secret_key: str, date: str, timestamp: int, canonical_request: str) -> str:
    """Sign a canonical request; date is the UTC day of the timestamp."""
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    text = f"{SCHEME}\n{timestamp}\n{date}/{SERVICE}/tc3_request\n{digest}"
    key = f"TC3{secret_key}".encode()
    for part in (date, SERVICE, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _age_s(timestamp: str, now: datetime) -> float:
    return abs(now.timestamp() - int(timestamp))


def _value(name: str, value: str) -> str:
    # Host and content type are compared without regard to case; clients sign them as they sent them.
    return value.strip().lower() if name == "host" else value.strip()

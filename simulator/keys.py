"""Keys and names of the simulated WeChat and SMS world, in a folder the product's settings can name (密钥).

A second start reads the same folder, so that a demo keeps its data. Nothing here is worth stealing:
the keys open only the simulator.
"""

import json
import random
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_RSA_BITS = 2048
_CERTIFICATE_YEARS = 5
_HEX = "0123456789ABCDEF"
_TEXT = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_NAMES_FILE = "world.json"


@dataclass(frozen=True)
class AppNames:
    """A mini-program (小程序) or a service account (服务号)."""

    appid: str
    secret: str
    token: str
    aes_key: str  # EncodingAESKey, 43 characters.
    original_id: str  # gh_…, the ToUserName of its events.


@dataclass(frozen=True)
class SmsNames:
    secret_id: str
    secret_key: str
    app_id: str
    sign_name: str
    receipt_token: str


@dataclass(frozen=True)
class WorldNames:
    mchid: str
    apiv3_key: str
    public_key_id: str
    mini_program: AppNames
    service_account: AppNames
    sms: SmsNames


@dataclass(frozen=True)
class WorldKeys:
    """Everything both sides of the simulated world know, and where its files are."""

    folder: Path
    names: WorldNames
    merchant_key: rsa.RSAPrivateKey
    merchant_certificate: x509.Certificate
    platform_key: rsa.RSAPrivateKey  # Behind public_key_id.
    certificate_key: rsa.RSAPrivateKey  # Behind the platform certificate.
    platform_certificate: x509.Certificate

    @property
    def merchant_serial(self) -> str:
        return serial_text(self.merchant_certificate)

    @property
    def platform_serial(self) -> str:
        return serial_text(self.platform_certificate)

    @property
    def merchant_key_file(self) -> Path:
        return self.folder / "merchant_key.pem"

    @property
    def public_key_file(self) -> Path:
        return self.folder / "wechatpay_public_key.pem"

    @property
    def platform_certificate_file(self) -> Path:
        return self.folder / "platform_certificate.pem"

    def product_settings(
        self, pay_url: str, api_url: str, public_url: str, notify_url: str
    ) -> dict[str, str]:
        """Name this world in the product's environment variables (message templates not included)."""
        names, verify = self.names, self.public_key_file
        return {
            "PREWATT_WECHATPAY_BASE_URL": pay_url,
            "PREWATT_WECHATPAY_MCHID": names.mchid,
            "PREWATT_WECHATPAY_APPID": names.mini_program.appid,
            "PREWATT_WECHATPAY_MERCHANT_SERIAL": self.merchant_serial,
            "PREWATT_WECHATPAY_MERCHANT_KEY_FILE": str(self.merchant_key_file),
            "PREWATT_WECHATPAY_APIV3_KEY": names.apiv3_key,
            "PREWATT_WECHATPAY_VERIFY_KEYS": (
                f"{names.public_key_id}={verify},{self.platform_serial}={self.platform_certificate_file}"
            ),
            "PREWATT_WECHATPAY_NOTIFY_URL": notify_url,
            "PREWATT_PUBLIC_URL": public_url,
            "PREWATT_WECHAT_API_BASE_URL": api_url,
            **_app_settings("PREWATT_WECHAT", names.mini_program),
            **_app_settings("PREWATT_WECHAT_MP", names.service_account),
            "PREWATT_SMS_SCHEME": "http",
            "PREWATT_SMS_ENDPOINT": api_url.partition("://")[2],
            "PREWATT_SMS_SECRET_ID": names.sms.secret_id,
            "PREWATT_SMS_SECRET_KEY": names.sms.secret_key,
            "PREWATT_SMS_APP_ID": names.sms.app_id,
            "PREWATT_SMS_SIGN_NAME": names.sms.sign_name,
            "PREWATT_SMS_RECEIPT_TOKEN": names.sms.receipt_token,
        }


def _app_settings(prefix: str, app: AppNames) -> dict[str, str]:
    return {
        f"{prefix}_APPID": app.appid,
        f"{prefix}_SECRET": app.secret,
        f"{prefix}_TOKEN": app.token,
        f"{prefix}_AES_KEY": app.aes_key,
    }


def serial_text(certificate: x509.Certificate) -> str:
    """Print a certificate's serial as WeChat Pay does: upper-case hexadecimal."""
    return f"{certificate.serial_number:X}"


def load_or_make_keys(folder: Path, now: datetime, random_: random.Random | None = None) -> WorldKeys:
    """Read the key folder, making it first where it is missing or half made (生成密钥).

    A second call is harmless and gives the same keys. `random_` seeds names and text keys only: RSA
    keys come from the machine.
    """
    if not (folder / _NAMES_FILE).is_file():
        _make(folder, now, random_ or random.SystemRandom())
    return _load(folder)


def _make(folder: Path, now: datetime, random_: random.Random) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    keys = {name: _new_key() for name in ("merchant_key", "platform_key", "certificate_key")}
    for name, key in keys.items():
        _write(folder / f"{name}.pem", _private_pem(key))
    _write(folder / "wechatpay_public_key.pem", _public_pem(keys["platform_key"]))
    merchant = _certificate(keys["merchant_key"], "模拟商户", now)
    _write(folder / "merchant_certificate.pem", merchant.public_bytes(serialization.Encoding.PEM))
    platform = _certificate(keys["certificate_key"], "Tenpay.com sign (simulated)", now)
    _write(folder / "platform_certificate.pem", platform.public_bytes(serialization.Encoding.PEM))
    # The names come last: a folder without them is half made and will be made again.
    _write(
        folder / _NAMES_FILE, json.dumps(asdict(_new_names(random_)), ensure_ascii=False, indent=1).encode()
    )


def _load(folder: Path) -> WorldKeys:
    raw: dict[str, Any] = json.loads((folder / _NAMES_FILE).read_text())
    names = WorldNames(
        mchid=raw["mchid"],
        apiv3_key=raw["apiv3_key"],
        public_key_id=raw["public_key_id"],
        mini_program=AppNames(**raw["mini_program"]),
        service_account=AppNames(**raw["service_account"]),
        sms=SmsNames(**raw["sms"]),
    )
    return WorldKeys(
        folder=folder,
        names=names,
        merchant_key=_read_key(folder / "merchant_key.pem"),
        merchant_certificate=_read_certificate(folder / "merchant_certificate.pem"),
        platform_key=_read_key(folder / "platform_key.pem"),
        certificate_key=_read_key(folder / "certificate_key.pem"),
        platform_certificate=_read_certificate(folder / "platform_certificate.pem"),
    )


def _new_names(random_: random.Random) -> WorldNames:
    def draw(alphabet: str, count: int) -> str:
        return "".join(random_.choice(alphabet) for _ in range(count))

    def app() -> AppNames:
        # 43 characters that decode to 32 bytes: the last one carries only four bits.
        aes_key = draw(_TEXT, 42) + random_.choice("AEIMQUYcgkosw048")
        return AppNames(
            "wx" + draw(_HEX.lower(), 16),
            draw(_HEX.lower(), 32),
            draw(_TEXT, 24),
            aes_key,
            "gh_" + draw(_HEX.lower(), 12),
        )

    return WorldNames(
        mchid="16" + draw("0123456789", 8),
        apiv3_key=draw(_TEXT, 32),
        public_key_id="PUB_KEY_ID_01" + draw("0123456789", 26),
        mini_program=app(),
        service_account=app(),
        sms=SmsNames(
            secret_id="AKID" + draw(_TEXT, 32),
            secret_key=draw(_TEXT, 32),
            app_id="1400" + draw("0123456789", 6),
            sign_name="预电",
            receipt_token=draw(_TEXT, 32),
        ),
    )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


def _certificate(key: rsa.RSAPrivateKey, name: str, now: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins_at = now - timedelta(days=365)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins_at)
        .not_valid_after(begins_at + timedelta(days=365 * _CERTIFICATE_YEARS))
        .sign(key, hashes.SHA256())
    )


def _private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def _read_key(path: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path} holds no RSA key")
    return key


def _read_certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())

"""Keys of the simulated WeChat and SMS world, in a folder the product's settings can name (密钥).

A second start reads the same folder, so that a demo keeps its data. Nothing here is worth stealing:
the keys open only the simulator.
"""

import json
import random
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from simulator.wechat_names import AppNames, WorldNames, names_from, new_names

# Hosts of the world in memory; *.localhost is this machine, so the product takes them for a demo.
PAY_URL = "http://pay.localhost"
API_URL = "http://api.localhost"
SMS_URL = "http://sms.localhost"
PUBLIC_URL = "http://product.localhost"
NOTIFY_PATH = "/api/v1/callbacks/wechat-pay"

_RSA_BITS = 2048
_CERTIFICATE_YEARS = 5
_PRODUCT_KEY_CHARS = 64
_HEX = "0123456789abcdef"
_NAMES_FILE = "world.json"


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
        self,
        pay_url: str = PAY_URL,
        api_url: str = API_URL,
        sms_url: str = SMS_URL,
        public_url: str = PUBLIC_URL,
    ) -> dict[str, str]:
        """Name this world in the product's environment variables (环境变量)."""
        names, sms = self.names, urlsplit(sms_url)
        verify = {
            names.public_key_id: str(self.public_key_file),
            self.platform_serial: str(self.platform_certificate_file),
        }
        return {
            "PREWATT_DEMO": "1",
            "PREWATT_PUBLIC_URL": public_url,
            "PREWATT_LEDGER_KEY_FILE": str(self.folder / "ledger_key"),
            "PREWATT_SECRET_KEY_FILE": str(self.folder / "secret_key"),
            "PREWATT_WECHATPAY_BASE_URL": pay_url,
            "PREWATT_WECHATPAY_MCHID": names.mchid,
            "PREWATT_WECHATPAY_APPID": names.mini_program.appid,
            "PREWATT_WECHATPAY_MERCHANT_SERIAL": self.merchant_serial,
            "PREWATT_WECHATPAY_MERCHANT_KEY_FILE": str(self.merchant_key_file),
            "PREWATT_WECHATPAY_APIV3_KEY": names.apiv3_key,
            "PREWATT_WECHATPAY_VERIFY_KEYS": _pairs(verify),
            "PREWATT_WECHATPAY_NOTIFY_URL": public_url + NOTIFY_PATH,
            "PREWATT_WECHAT_API_BASE_URL": api_url,
            **_app_settings("PREWATT_WECHAT", names.mini_program),
            **_app_settings("PREWATT_WECHAT_MP", names.service_account),
            "PREWATT_SMS_SCHEME": sms.scheme,
            "PREWATT_SMS_ENDPOINT": sms.netloc,
            "PREWATT_SMS_SECRET_ID": names.sms.secret_id,
            "PREWATT_SMS_SECRET_KEY": names.sms.secret_key,
            "PREWATT_SMS_APP_ID": names.sms.app_id,
            "PREWATT_SMS_SIGN_NAME": names.sms.sign_name,
            "PREWATT_SMS_RECEIPT_TOKEN": names.sms.receipt_token,
            "PREWATT_SMS_TEMPLATES": _pairs(names.sms.templates),
        }


def make_world(
    folder: Path,
    now: datetime,
    random_: random.Random | None = None,
    *,
    pay_url: str = PAY_URL,
    api_url: str = API_URL,
    sms_url: str = SMS_URL,
    public_url: str = PUBLIC_URL,
) -> dict[str, str]:
    """Write the key files, once, and return the variables that point the product here (建模拟环境).

    Database, Redis, listeners and data folder are left to the caller. A second call is harmless.
    """
    keys = load_or_make_keys(folder, now, random_)
    return keys.product_settings(pay_url, api_url, sms_url, public_url)


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
    names = new_names(random_)
    for name in ("ledger_key", "secret_key"):
        _write(folder / name, "".join(random_.choice(_HEX) for _ in range(_PRODUCT_KEY_CHARS)).encode())
    # The names come last: a folder without them is half made and will be made again.
    _write(folder / _NAMES_FILE, json.dumps(asdict(names), ensure_ascii=False, indent=1).encode())


def _load(folder: Path) -> WorldKeys:
    return WorldKeys(
        folder=folder,
        names=names_from(json.loads((folder / _NAMES_FILE).read_text())),
        merchant_key=_read_key(folder / "merchant_key.pem"),
        merchant_certificate=_read_certificate(folder / "merchant_certificate.pem"),
        platform_key=_read_key(folder / "platform_key.pem"),
        certificate_key=_read_key(folder / "certificate_key.pem"),
        platform_certificate=_read_certificate(folder / "platform_certificate.pem"),
    )


def _app_settings(prefix: str, app: AppNames) -> dict[str, str]:
    return {
        f"{prefix}_APPID": app.appid,
        f"{prefix}_SECRET": app.secret,
        f"{prefix}_TOKEN": app.token,
        f"{prefix}_AES_KEY": app.aes_key,
        f"{prefix}_TEMPLATES": _pairs(app.templates),
    }


def _pairs(values: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items())


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

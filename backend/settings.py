"""Settings: environment variables, read once, typed (配置). `.env.example` lists them all."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from backend.errors import ConfigError

_LIVE_PAY_HOSTS = {"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"}
_MIN_KEY_BYTES = 32

T = TypeVar("T")


class WechatPaySettings(Struct, frozen=True, kw_only=True):
    base_url: str
    mchid: str
    appid: str
    merchant_serial: str
    merchant_key_file: Path
    apiv3_key: str  # 32 bytes.
    verify_keys: dict[str, Path]  # Serial or PUB_KEY_ID_… -> PEM file, certificates and keys side by side.
    notify_url: str


class WechatAppSettings(Struct, frozen=True, kw_only=True):
    """A mini-program or a service account."""

    api_base_url: str
    appid: str
    secret: str
    token: str
    aes_key: str
    templates: dict[str, str]  # Our alert level -> the channel's template id.


class SmsSettings(Struct, frozen=True, kw_only=True):
    endpoint: str  # host[:port]
    scheme: str
    region: str
    secret_id: str
    secret_key: str
    app_id: str
    sign_name: str
    receipt_token: str  # Part of the receipt route: the provider's push carries no signature.
    templates: dict[str, str]


class Settings(Struct, frozen=True, kw_only=True):
    database_url: str
    redis_url: str
    public_url: str
    public_listen: tuple[str, int]
    private_listen: tuple[str, int]
    data_dir: Path
    ledger_key: bytes
    secret_key: bytes
    demo: bool
    workers: int
    pay: WechatPaySettings
    mini_program: WechatAppSettings
    service_account: WechatAppSettings | None
    sms: SmsSettings | None
    staff_phone: str
    trusted_proxies: tuple[str, ...] = ()  # Networks whose X-Forwarded-For is believed.

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite:")


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name, "").strip()
        if value:
            return value
        if default is None:
            raise ConfigError(f"{name} is not set: see .env.example")
        return default

    def has(self, name: str) -> bool:
        return bool(self._environ.get(name, "").strip())

    def file(self, name: str) -> Path:
        path = Path(self.text(name))
        if not path.is_file():
            raise ConfigError(f"{name} names a file that does not exist: {path}")
        return path

    def key(self, name: str) -> bytes:
        data = self.file(name).read_bytes().strip()
        if len(data) < _MIN_KEY_BYTES:
            raise ConfigError(f"{name} must name a file with at least {_MIN_KEY_BYTES} bytes of key")
        return data

    def listen(self, name: str, default: str) -> tuple[str, int]:
        text = self.text(name, default)
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"{name} must look like 127.0.0.1:8000, not {text!r}")
        return host, int(port)

    def url(self, name: str, default: str | None = None) -> str:
        text = self.text(name, default)
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"{name} must be an http or https address, not {text!r}")
        return text.rstrip("/")

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if not text.isdigit() or not low <= int(text) <= high:
            raise ConfigError(f"{name} must be a number from {low} to {high}, not {text!r}")
        return int(text)

    def networks(self, name: str) -> tuple[str, ...]:
        texts = tuple(item.strip() for item in self.text(name, "").split(",") if item.strip())
        for text in texts:
            try:
                ipaddress.ip_network(text)
            except ValueError:
                raise ConfigError(f"{name} must be networks with commas between, not {text!r}") from None
        return texts

    def pairs(self, name: str, default: str | None = None) -> dict[str, str]:
        pairs: dict[str, str] = {}
        for item in self.text(name, default).split(","):
            if not item.strip():
                continue
            key, equals, value = item.strip().partition("=")
            if not equals or not key or not value:
                raise ConfigError(f"{name} must be name=value pairs with commas between, not {item!r}")
            pairs[key] = value
        return pairs


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pay(read: _Reader) -> WechatPaySettings:
    verify = {}
    for serial, file in read.pairs("PREWATT_WECHATPAY_VERIFY_KEYS").items():
        path = Path(file)
        if not path.is_file():
            raise ConfigError(f"PREWATT_WECHATPAY_VERIFY_KEYS names a file that does not exist: {path}")
        verify[serial] = path
    apiv3_key = read.text("PREWATT_WECHATPAY_APIV3_KEY")
    if len(apiv3_key.encode()) != 32:
        raise ConfigError("PREWATT_WECHATPAY_APIV3_KEY must have exactly 32 bytes")
    return WechatPaySettings(
        base_url=read.url("PREWATT_WECHATPAY_BASE_URL", "https://api.mch.weixin.qq.com"),
        mchid=read.text("PREWATT_WECHATPAY_MCHID"),
        appid=read.text("PREWATT_WECHATPAY_APPID"),
        merchant_serial=read.text("PREWATT_WECHATPAY_MERCHANT_SERIAL"),
        merchant_key_file=read.file("PREWATT_WECHATPAY_MERCHANT_KEY_FILE"),
        apiv3_key=apiv3_key,
        verify_keys=verify,
        notify_url=read.url("PREWATT_WECHATPAY_NOTIFY_URL"),
    )


def _app(read: _Reader, prefix: str, base_url: str) -> WechatAppSettings:
    aes_key = read.text(f"{prefix}_AES_KEY", "")
    if aes_key and len(aes_key) != 43:
        raise ConfigError(f"{prefix}_AES_KEY must have exactly 43 characters")
    return WechatAppSettings(
        api_base_url=base_url,
        appid=read.text(f"{prefix}_APPID"),
        secret=read.text(f"{prefix}_SECRET"),
        token=read.text(f"{prefix}_TOKEN"),
        aes_key=aes_key,
        templates=read.pairs(f"{prefix}_TEMPLATES", ""),
    )


def _sms(read: _Reader) -> SmsSettings:
    scheme = read.text("PREWATT_SMS_SCHEME", "https")
    endpoint = read.text("PREWATT_SMS_ENDPOINT", "sms.tencentcloudapi.com")
    if scheme not in {"http", "https"}:
        raise ConfigError("PREWATT_SMS_SCHEME must be https (http only on loopback)")
    if scheme == "http" and not _is_loopback(f"http://{endpoint}"):
        raise ConfigError("PREWATT_SMS_SCHEME may be http only when PREWATT_SMS_ENDPOINT is on loopback")
    return SmsSettings(
        endpoint=endpoint,
        scheme=scheme,
        region=read.text("PREWATT_SMS_REGION", "ap-guangzhou"),
        secret_id=read.text("PREWATT_SMS_SECRET_ID"),
        secret_key=read.text("PREWATT_SMS_SECRET_KEY"),
        app_id=read.text("PREWATT_SMS_APP_ID"),
        sign_name=read.text("PREWATT_SMS_SIGN_NAME"),
        receipt_token=read.text("PREWATT_SMS_RECEIPT_TOKEN"),
        templates=read.pairs("PREWATT_SMS_TEMPLATES", ""),
    )


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read and check every setting. Raises ConfigError with one sentence naming the variable.

    Without PREWATT_DEMO=1 no payment or message address may point at this machine: production never
    talks to the simulator.
    """
    read = _Reader(environ)
    demo = read.text("PREWATT_DEMO", "0") == "1"
    database_url = read.text("PREWATT_DATABASE_URL")
    if not database_url.startswith(("sqlite://", "mysql://")):
        raise ConfigError("PREWATT_DATABASE_URL must begin with sqlite:// or mysql://")
    redis_url = read.text("PREWATT_REDIS_URL", "")
    if redis_url and not redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError("PREWATT_REDIS_URL must begin with redis://, rediss:// or unix://")
    data_dir = Path(read.text("PREWATT_DATA_DIR", "var"))
    api_base_url = read.url("PREWATT_WECHAT_API_BASE_URL", "https://api.weixin.qq.com")
    pay = _pay(read)
    sms = _sms(read) if read.has("PREWATT_SMS_SECRET_ID") else None
    private = read.listen("PREWATT_PRIVATE_LISTEN", "127.0.0.1:8001")
    if not demo:
        _refuse_simulator(
            {
                "PREWATT_WECHATPAY_BASE_URL": pay.base_url,
                "PREWATT_WECHATPAY_NOTIFY_URL": pay.notify_url,
                "PREWATT_WECHAT_API_BASE_URL": api_base_url,
                "PREWATT_SMS_ENDPOINT": f"{sms.scheme}://{sms.endpoint}" if sms else "",
            }
        )
    elif not _is_loopback(f"http://{private[0]}"):
        raise ConfigError("PREWATT_DEMO=1 is allowed only while PREWATT_PRIVATE_LISTEN is on loopback")
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        public_url=read.url("PREWATT_PUBLIC_URL"),
        public_listen=read.listen("PREWATT_PUBLIC_LISTEN", "127.0.0.1:8000"),
        private_listen=private,
        data_dir=data_dir,
        ledger_key=read.key("PREWATT_LEDGER_KEY_FILE"),
        secret_key=read.key("PREWATT_SECRET_KEY_FILE"),
        demo=demo,
        workers=read.number("PREWATT_WORKERS", 1, 1, 64),
        pay=pay,
        mini_program=_app(read, "PREWATT_WECHAT", api_base_url),
        service_account=(
            _app(read, "PREWATT_WECHAT_MP", api_base_url) if read.has("PREWATT_WECHAT_MP_APPID") else None
        ),
        sms=sms,
        staff_phone=read.text("PREWATT_DUTY_PHONE", ""),
        trusted_proxies=read.networks("PREWATT_TRUSTED_PROXIES"),
    )


def _refuse_simulator(urls: dict[str, str]) -> None:
    for name, url in urls.items():
        if url and _is_loopback(url):
            raise ConfigError(f"{name} points at this machine; that is allowed only with PREWATT_DEMO=1")
        if url and not url.startswith("https://"):
            raise ConfigError(f"{name} must be an https address")

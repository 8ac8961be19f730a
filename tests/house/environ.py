"""Environments to start the product with: the simulated world's own, and one as production has it."""

import random
from datetime import UTC, datetime
from pathlib import Path

from simulator.keys import make_world

MADE_AT = datetime(2026, 3, 2, tzinfo=UTC)


def demo_environ(folder: Path) -> dict[str, str]:
    """Return a complete environment on SQLite that points at the simulated world (演示环境)."""
    return {
        **make_world(folder / "world", MADE_AT, random.Random(1)),
        "PREWATT_DATABASE_URL": f"sqlite://{folder / 'prewatt.db'}",
        "PREWATT_DATA_DIR": str(folder),
        "PREWATT_PUBLIC_LISTEN": "127.0.0.1:8000",
        "PREWATT_PRIVATE_LISTEN": "127.0.0.1:8001",
    }


def live_environ(folder: Path) -> dict[str, str]:
    """Return a complete environment as a real site has it: no demo, the providers' own addresses."""
    return {
        **demo_environ(folder),
        "PREWATT_DEMO": "0",
        "PREWATT_DATABASE_URL": "mysql://prewatt:secret@db.example/prewatt",
        "PREWATT_REDIS_URL": "redis://cache.example:6379/0",
        "PREWATT_PUBLIC_URL": "https://power.example.cn",
        "PREWATT_WECHATPAY_BASE_URL": "https://api.mch.weixin.qq.com",
        "PREWATT_WECHATPAY_NOTIFY_URL": "https://power.example.cn/api/v1/callbacks/wechat-pay",
        "PREWATT_WECHAT_API_BASE_URL": "https://api.weixin.qq.com",
        "PREWATT_SMS_SCHEME": "https",
        "PREWATT_SMS_ENDPOINT": "sms.tencentcloudapi.com",
    }


def collector_environ(folder: Path) -> dict[str, str]:
    return {
        "PREWATT_COLLECTOR_URL": "https://backend.example:8001",
        "PREWATT_COLLECTOR_ID": "mall",
        "PREWATT_COLLECTOR_TOKEN": "t" * 40,
        "PREWATT_COLLECTOR_SPOOL": str(folder / "spool.db"),
    }

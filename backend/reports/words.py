"""SQL that SQLite and MariaDB say differently, and the words for what the tables hold (方言与用语)."""

from backend.store import dialect

CHANNELS = {"cash": "现金", "transfer": "转账", "card": "刷卡", "wechat": "微信"}
OTHER_CHANNEL = "其他"
VERDICTS = {
    "accepted": "正常",
    "first": "首次抄表",
    "duplicate": "重复",
    "late": "补抄（不计费）",
    "future": "待核示数：时间超前",
    "fallen": "待核示数：示数倒走",
    "jumped": "待核示数：示数突增",
    "unused": "待核示数：旁证",
    "rejected": "判定有误（不计费）",
}
READING_KINDS = {
    "poll": "定时抄表",
    "request": "立即抄表",
    "verify": "回读",
    "peek": "补传前快照",
    "frozen": "日冻结",
    "changed": "换表",
    "typed": "人工录入",
}
RELAYS = {"ON": "合闸", "OFF": "分闸", "PERMITTED": "合闸允许", "UNKNOWN": "未知"}
STAGES = {
    "verified": "回读一致",
    "refused": "电表拒绝",
    "expired": "超时未下发",
    "superseded": "被新指令取代",
    "unreachable": "电表无应答",
    "contradicted": "回读不一致",
    "commanded": "已执行，待回读",
    "acknowledged": "电表已应答",
    "sent": "已下发",
}
REASONS = {
    "safety": "紧急断电",
    "emergency": "紧急断电",
    "staff": "人工断电",
    "power_limit": "超功率",
    "arrears": "欠费",
}


def local_day(column: str) -> str:
    """Return the mall's day of an instant as SQL; a date or its text "2026-11-22"."""
    if dialect() == "mysql":
        return f"DATE(DATE_ADD({column}, INTERVAL 8 HOUR))"
    return f"DATE({column}, '+8 hours')"


def fact(column: str, name: str) -> str:
    """Return one value of a JSON column as SQL."""
    if dialect() == "mysql":
        return f"JSON_VALUE({column}, '$.{name}')"
    return f"JSON_EXTRACT({column}, '$.{name}')"


def whole(dividend: str, divisor: int) -> str:
    """Return a whole division as SQL."""
    return f"({dividend}) DIV {divisor}" if dialect() == "mysql" else f"({dividend}) / {divisor}"


def channel_word(ledger_account: str) -> str:
    return CHANNELS.get(ledger_account.partition(":")[2], OTHER_CHANNEL)

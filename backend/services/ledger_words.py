"""What people call the ledger's kinds and accounts (凭证与科目的名称)."""

from backend.domain.ledger import EntryKind
from backend.domain.tariffs import ComponentKind

KIND_WORDS = {
    EntryKind.TOP_UP.value: "充值",
    EntryKind.ENERGY.value: "电费",
    EntryKind.OPENING.value: "期初余额",
    EntryKind.REFUND.value: "退费",
    EntryKind.REVERSAL.value: "冲正",
    EntryKind.DEMO_DRAIN.value: "演示扣减",
}
CHANNEL_WORDS = {
    "wechat": "微信支付",
    "cash": "现金",
    "transfer": "转账",
    "card": "刷卡",
    "practice": "练习",
}
COMPONENT_WORDS = {
    ComponentKind.ENERGY: "上网电价",
    ComponentKind.LINE_LOSS: "线损",
    ComponentKind.TRANSMISSION: "输配电价",
    ComponentKind.SYSTEM: "系统运行费",
    ComponentKind.FUNDS: "基金及附加",
    ComponentKind.TIER: "阶梯加价",
    ComponentKind.SERVICE_FEE: "服务费",
}


def account_words(ledger_account: str) -> str:
    """Name a ledger account as people read it, e.g. "revenue:line_loss" → 电费收入·线损."""
    head, _, tail = ledger_account.partition(":")
    if head == "channel":
        return f"收款·{CHANNEL_WORDS.get(tail, tail)}"
    if head == "revenue":
        words = {kind.value.lower(): text for kind, text in COMPONENT_WORDS.items()}
        return f"电费收入·{words.get(tail, tail)}"
    return {"balance": "商铺余额", "granted": "赠送余额", "opening": "期初", "demo": "演示"}.get(head, head)

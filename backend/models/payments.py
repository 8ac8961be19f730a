"""Top-ups through a payment channel (充值)."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, link, own_id


class TopUpState(StrEnum):
    CREATED = "created"  # The intention is remembered; the channel may or may not know it.
    PREPARED = "prepared"  # The phone can pay.
    BOOKED = "booked"  # In the ledger.
    CLOSED = "closed"  # Closed at the channel; a late payment is still booked.
    REFUSED = "refused"  # The channel said no.


class Scene(StrEnum):
    """Where a payment begins (场景)."""

    PHONE = "phone"  # In the tenant's mini-program: the payer is known before.
    NATIVE = "native"  # A code on the customer screen of a till (扫码): whoever scans it pays.


class TopUp(Model):
    id = own_id()
    site_id = fields.BigIntField()
    order_no = fields.CharField(max_length=32, unique=True)
    account_id = link()
    tenant_id = link()  # 0: begun at a till.
    openid = fields.CharField(max_length=64)  # Of a NATIVE order: empty until somebody has paid.
    amount_fen = fields.BigIntField()
    request_id = fields.CharField(max_length=64)
    state = fields.CharEnumField(TopUpState, max_length=16, default=TopUpState.CREATED)
    prepay_id = fields.CharField(max_length=64, null=True)
    created_at = Instant()
    expires_at = Instant()
    returned_at = Instant(null=True)  # The phone says it is done: a hint, never a proof.
    queries = fields.IntField(default=0)
    transaction_id = fields.CharField(max_length=64, null=True, unique=True)
    paid_at = Instant(null=True)  # The channel's success time.
    booked_at = Instant(null=True)
    booked_by = fields.CharField(max_length=16, null=True)  # "callback", "query" or "bill".
    entry_id = fields.BigIntField(null=True)
    closed_at = Instant(null=True)
    refused_code = fields.CharField(max_length=64, default="")
    scene = fields.CharEnumField(Scene, max_length=8, default=Scene.PHONE, db_default=Scene.PHONE.value)
    code_url = fields.CharField(max_length=200, null=True)  # What the customer screen draws as a QR code.
    # Of a NATIVE order: who stands at the till, and what the receipt says beside the sum.
    staff_id = fields.BigIntField(null=True, db_index=True)
    staff_name = fields.CharField(max_length=32, default="", db_default="")
    payer = fields.CharField(max_length=32, default="", db_default="")
    note = fields.CharField(max_length=100, default="", db_default="")

    class Meta:
        table = "top_up"
        unique_together = (("tenant_id", "request_id"),)

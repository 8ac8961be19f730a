"""What people are told, and the proof of it (通知)."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, link, optional_link, own_id


class DeliveryState(StrEnum):
    QUEUED = "queued"
    ACCEPTED = "accepted"  # The provider took it; no receipt yet.
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"  # The provider may have acted.


class Notice(Model):
    """One thing that one account is told (通知). Its cause makes it once."""

    id = own_id()
    site_id = fields.BigIntField()
    account_id = link()
    episode_id = optional_link()
    level = fields.CharField(max_length=16)
    cause = fields.CharField(max_length=128, unique=True)
    made_at = Instant(db_index=True)
    facts = json_text()
    delivered_at = Instant(null=True)  # First receipt on any channel.
    exhausted_at = Instant(null=True)  # No channel left: a person must do it.

    class Meta:
        table = "notice"


class Delivery(Model):
    """One try on one channel to one address (发送记录)."""

    id = own_id()
    notice_id = link()
    channel = fields.CharField(max_length=16)
    address = fields.CharField(max_length=64)
    state = fields.CharEnumField(DeliveryState, max_length=16, default=DeliveryState.QUEUED)
    provider_id = fields.CharField(max_length=128, null=True, db_index=True)
    code = fields.CharField(max_length=64, default="")
    queued_at = Instant()
    sent_at = Instant(null=True)
    receipt_at = Instant(null=True)

    class Meta:
        table = "delivery"
        unique_together = (("notice_id", "channel", "address"),)


class Consent(Model):
    """How many subscribe messages a person still allows (订阅次数)."""

    id = own_id()
    openid = fields.CharField(max_length=64)
    template_id = fields.CharField(max_length=64)
    left = fields.IntField(default=0)
    last_event = fields.CharField(max_length=128, default="")  # An event that comes twice counts once.

    class Meta:
        table = "consent"
        unique_together = (("openid", "template_id"),)

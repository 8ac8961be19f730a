"""Who did what to whom, when, from where and why (操作日志)."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, own_id


class AuditRecord(Model):
    """One operation, chained by HMAC to the one before it."""

    id = own_id()
    site_id = fields.BigIntField()
    sequence = fields.BigIntField()
    at = Instant(db_index=True)
    actor = fields.CharField(max_length=64, db_index=True)  # "staff:<id>", "tenant:<id>", ...
    operation = fields.CharField(max_length=64)
    object = fields.CharField(max_length=96, default="")
    reason = fields.CharField(max_length=200, default="")
    facts = json_text()
    request_id = fields.CharField(max_length=64, default="")
    client_ip = fields.CharField(max_length=64, default="")
    hmac = fields.CharField(max_length=64)

    class Meta:
        table = "audit_record"
        unique_together = (("site_id", "sequence"),)


class AuditHead(Model):
    """The end of a site's chain; locked while a record is added."""

    site_id = fields.BigIntField(primary_key=True, generated=False)
    count = fields.BigIntField(default=0)
    hmac = fields.CharField(max_length=64, default="")

    class Meta:
        table = "audit_head"

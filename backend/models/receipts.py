"""Receipts (收据): one for an entry, numbered without gaps by site, series and day."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, link


class Receipt(Model):
    """What was handed out for an entry, as it stood then; a shop that is renamed keeps its old receipts."""

    entry_id = fields.BigIntField(primary_key=True, generated=False)
    site_id = fields.BigIntField()
    account_id = link()
    number = fields.CharField(max_length=24)  # "20260302-0001"; on a shop to practise on "LX20260302-0001".
    made_at = Instant()
    staff_id = fields.BigIntField(null=True)  # Who took the money; NULL: nobody, it was paid by phone.
    balance_after_fen = fields.BigIntField()  # By the ledger, right after this entry.
    print_count = fields.IntField(default=0)
    printed_at = Instant(null=True)  # The newest print.
    print_request = fields.CharField(max_length=64, default="")  # Asked for again, it counts once.
    facts = json_text()  # services/receipts.py: site, shop, tenant, meters as they were called.

    class Meta:
        table = "receipt"
        unique_together = (("site_id", "number"),)


class ReceiptDay(Model):
    """How many receipts a series has on a day; its row is locked while one is numbered."""

    series = fields.CharField(max_length=48, primary_key=True)  # "<site>:<prefix><day>".
    count = fields.IntField(default=0)

    class Meta:
        table = "receipt_day"

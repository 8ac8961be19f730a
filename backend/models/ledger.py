"""The ledger (总账). Rows are added, never changed or deleted; a correction is a reversing entry."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, own_id


class Entry(Model):
    """A balanced set of postings with one cause (凭证)."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    kind = fields.CharField(max_length=24)
    cause = fields.CharField(max_length=160, unique=True)  # One cause books once.
    booked_at = Instant(db_index=True)  # When it counts.
    made_at = Instant()  # When it was written.
    facts = json_text()
    digest = fields.CharField(max_length=64)  # domain.ledger: of the content, without ids.

    class Meta:
        table = "entry"


class Posting(Model):
    """One leg of an entry (分录). The legs of an entry sum to zero; credit is positive."""

    id = own_id()
    entry_id = fields.BigIntField(db_index=True)
    ledger_account = fields.CharField(max_length=64, db_index=True)
    amount_fen = fields.BigIntField()

    class Meta:
        table = "posting"


class ChainLink(Model):
    """One entry's place in an account's chain of HMACs (凭证链)."""

    id = own_id()
    account_id = fields.BigIntField()
    sequence = fields.BigIntField()
    entry_id = fields.BigIntField(db_index=True)
    hmac = fields.CharField(max_length=64)

    class Meta:
        table = "chain_link"
        unique_together = (("account_id", "sequence"),)

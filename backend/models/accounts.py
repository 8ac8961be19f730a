"""Electricity accounts (户), their contacts and keep-supply (保电)."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, link, own_id
from backend.models.site import Shop


class Account(Model):
    """One shop's electricity contract (户). Locked FOR UPDATE, ids ascending, before its money moves."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    shop: fields.ForeignKeyRelation[Shop] = fields.ForeignKeyField("models.Shop", on_delete=fields.RESTRICT)
    tariff_id = fields.BigIntField()
    opened_at = Instant()
    closed_at = Instant(null=True)
    tenant_name = fields.CharField(max_length=64, default="", db_default="")  # As in the contract.
    contract_from_on = fields.DateField(null=True)
    contract_until_on = fields.DateField(null=True)
    grace_until_at = Instant(null=True)  # Newly opened: without a top-up no arrears begin until then.
    # The ledger's own sum, kept beside it: balance = sum of postings, checked by `audit verify`.
    settled_fen = fields.BigIntField(default=0)
    carried_nano = fields.BigIntField(default=0)  # Below one fen, waits for the next charge.
    chain_count = fields.BigIntField(default=0)
    chain_head = fields.CharField(max_length=64, default="")
    overdraft_fen = fields.BigIntField(default=0)
    restore_level_fen = fields.BigIntField(default=1000)
    low_fen = fields.BigIntField(default=10_000)
    low_days = fields.IntField(default=5)
    critical_fen = fields.BigIntField(default=5_000)
    critical_days = fields.IntField(default=2)
    # JSON array: which of the six above are this shop's own; the others follow the site's policy.
    own_terms = fields.CharField(max_length=160, default="[]", db_default="[]")
    power_limit_w = fields.BigIntField(null=True)
    night_limit_w = fields.BigIntField(null=True)  # Told at night, never tripped.
    # Where this shop differs from the site's policy; NULL: as the site.
    power_tell_s = fields.IntField(null=True)
    power_trip_s = fields.IntField(null=True)
    power_restore_s = fields.IntField(null=True)
    power_retries = fields.IntField(null=True)
    armed = fields.BooleanField(default=False)  # Automatic trip is on: the contact is verified.
    level = fields.IntField(default=0)  # domain.warnings: last level told to people.
    in_arrears = fields.BooleanField(default=False)
    mean_daily_nano = fields.BigIntField(null=True)  # Of the last days; None with fewer than three.

    shop_id: int

    class Meta:
        table = "account"


class Contact(Model):
    """Who is told (联系人)."""

    id = own_id()
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.RESTRICT
    )
    name = fields.CharField(max_length=32)
    phone = fields.CharField(max_length=20)
    verified_at = Instant(null=True)
    removed_at = Instant(null=True)  # Told of nothing any more; the same phone again brings the row back.

    account_id: int

    class Meta:
        table = "contact"
        unique_together = (("account", "phone"),)


class KeepSupply(Model):
    """A promise not to trip for arrears until a time (保电)."""

    id = own_id()
    account_id = link()
    until_at = Instant()
    reason = fields.CharField(max_length=200)
    asked_by = fields.BigIntField()
    asked_at = Instant()
    approved_by = fields.BigIntField(null=True)
    effective_at = Instant(null=True)  # NULL: asked for, not yet answered.
    refused_at = Instant(null=True)
    released_at = Instant(null=True)
    released_by = fields.BigIntField(null=True)

    class Meta:
        table = "keep_supply"

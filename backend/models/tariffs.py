"""Tariffs and their versions (电价)."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, link, own_id


class Tariff(Model):
    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)

    class Meta:
        table = "tariff"
        unique_together = (("site_id", "code"),)


class TariffVersion(Model):
    """One dated version (电价版本). A used version is never edited: an edit makes a new row."""

    id = own_id()
    tariff: fields.ForeignKeyRelation[Tariff] = fields.ForeignKeyField(
        "models.Tariff", related_name="versions", on_delete=fields.RESTRICT
    )
    valid_from = Instant()
    content = fields.TextField()  # domain.tariffs.TariffVersion as JSON.
    digest = fields.CharField(max_length=64)

    tariff_id: int

    class Meta:
        table = "tariff_version"
        unique_together = (("tariff", "valid_from", "digest"),)


class TariffDraft(Model):
    """A version on its way (电价版本草稿): edited until it is sent for approval by another person."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    tariff_id = link()
    content = fields.TextField()  # domain.tariffs.TariffVersion as JSON.
    state = fields.CharField(max_length=12)  # services/tariff_drafts.py: DraftState.
    note = fields.CharField(max_length=200, default="")  # Why it was refused.
    made_by = fields.BigIntField()
    made_at = Instant()
    changed_at = Instant()
    approval_id = fields.BigIntField(null=True)
    version_id = fields.BigIntField(null=True)  # The version that it became.
    request_id = fields.CharField(max_length=64, unique=True)

    class Meta:
        table = "tariff_draft"

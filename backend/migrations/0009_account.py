"""Opening accounts: who the tenant is and for how long, how it began, drafts, checked phones, door codes."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.models.base import Instant


def _table(name: str, table: str, key: str, columns: list[tuple[str, fields.Field]]) -> ops.CreateModel:
    return ops.CreateModel(
        name=name,
        fields=[(key, fields.BigIntField(primary_key=True, generated=False)), *columns],
        options={"table": table, "app": "models", "pk_attr": key},
        bases=["Model"],
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0008_counter")]

    operations = [
        ops.AddField("Account", "tenant_name", fields.CharField(max_length=64, default="", db_default="")),
        ops.AddField("Account", "contract_from_on", fields.DateField(null=True)),
        ops.AddField("Account", "contract_until_on", fields.DateField(null=True)),
        ops.AddField("Account", "grace_until_at", Instant(null=True)),
        _table(
            "AccountOpening",
            "account_opening",
            "id",
            [
                ("site_id", fields.BigIntField(db_index=True)),
                ("account_id", fields.BigIntField(unique=True)),
                ("request_id", fields.CharField(max_length=64, unique=True)),
                ("digest", fields.CharField(max_length=64)),
                ("opened_by", fields.BigIntField()),
                ("opened_at", Instant()),
                ("meters", fields.TextField(default="{}", unique=False)),
            ],
        ),
        _table(
            "OpeningDraft",
            "opening_draft",
            "staff_id",
            [
                ("site_id", fields.BigIntField(db_index=True)),
                ("content", fields.TextField(default="{}", unique=False)),
                ("saved_at", Instant(db_index=True)),
            ],
        ),
        _table(
            "ContactCheck",
            "contact_check",
            "id",
            [
                ("site_id", fields.BigIntField()),
                ("phone", fields.CharField(max_length=20, db_index=True)),
                ("code_hash", fields.CharField(max_length=64)),
                ("asked_by", fields.BigIntField(db_index=True)),
                ("asked_at", Instant(db_index=True)),
                ("expires_at", Instant()),
                ("tries", fields.IntField(default=0)),
                ("sent", fields.CharField(max_length=16, default="")),
                ("sent_code", fields.CharField(max_length=64, default="")),
                ("verified_at", Instant(null=True)),
            ],
        ),
        _table(
            "DoorCode",
            "door_code",
            "id",
            [
                ("site_id", fields.BigIntField(db_index=True)),
                ("shop_id", fields.BigIntField(db_index=True)),
                ("code", fields.CharField(max_length=16, unique=True)),
                ("made_by", fields.BigIntField()),
                ("made_at", Instant()),
                ("revoked_at", Instant(null=True)),
                ("standing_key", fields.CharField(max_length=64, null=True, unique=True)),
            ],
        ),
        _table(
            "SiteImport",
            "site_import",
            "id",
            [
                ("site_id", fields.BigIntField(db_index=True)),
                ("request_id", fields.CharField(max_length=64, unique=True)),
                ("digest", fields.CharField(max_length=64)),
                ("file_name", fields.CharField(max_length=128)),
                ("shops", fields.IntField()),
                ("accounts", fields.IntField()),
                ("meters", fields.IntField()),
                ("made_by", fields.BigIntField()),
                ("made_at", Instant()),
            ],
        ),
    ]

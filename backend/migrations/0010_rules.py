"""Rules: tiers and service fee among the parts of a charge, drafts of tariffs, changes of the policy."""

from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.models.base import Instant

_PARTS = ("tier_nano", "service_fee_nano")


async def add_parts(apps: Any, editor: Any) -> None:
    for name in _PARTS:
        await editor.client.execute_script(f"ALTER TABLE accrual ADD COLUMN {name} BIGINT NOT NULL DEFAULT 0")


async def drop_parts(apps: Any, editor: Any) -> None:
    for name in _PARTS:
        await editor.client.execute_script(f"ALTER TABLE accrual DROP COLUMN {name}")


class Migration(migrations.Migration):
    dependencies = [("models", "0009_account")]

    operations = [
        ops.RunPython(add_parts, drop_parts),
        ops.AddField(
            "Account", "own_terms", fields.CharField(max_length=160, default="[]", db_default="[]")
        ),
        # What a site file said of one shop stays that shop's own.
        ops.RunSQL("UPDATE account SET own_terms = '[\"overdraft_fen\"]' WHERE overdraft_fen <> 0", ""),
        ops.CreateModel(
            name="TariffDraft",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("site_id", fields.BigIntField(db_index=True)),
                ("tariff_id", fields.BigIntField(db_index=True)),
                ("content", fields.TextField()),
                ("state", fields.CharField(max_length=12)),
                ("note", fields.CharField(max_length=200, default="")),
                ("made_by", fields.BigIntField()),
                ("made_at", Instant()),
                ("changed_at", Instant()),
                ("approval_id", fields.BigIntField(null=True)),
                ("version_id", fields.BigIntField(null=True)),
                ("request_id", fields.CharField(max_length=64, unique=True)),
            ],
            options={"table": "tariff_draft", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PolicyChange",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("site_id", fields.BigIntField()),
                ("number", fields.IntField()),
                ("at", Instant()),
                ("changed_by", fields.BigIntField()),
                ("reason", fields.CharField(max_length=200)),
                ("before", fields.TextField(default="{}")),
                ("after", fields.TextField(default="{}")),
                ("request_id", fields.CharField(max_length=64, unique=True)),
            ],
            options={
                "table": "policy_change",
                "app": "models",
                "unique_together": (("site_id", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]

"""The counter: receipts with their numbers, and orders that a customer pays by scanning a screen."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.models.base import Instant
from backend.models.payments import Scene


def _text(max_length: int) -> fields.CharField:
    return fields.CharField(max_length=max_length, default="", db_default="")


class Migration(migrations.Migration):
    dependencies = [("models", "0007_admin")]

    operations = [
        ops.CreateModel(
            name="Receipt",
            fields=[
                ("entry_id", fields.BigIntField(primary_key=True, generated=False)),
                ("site_id", fields.BigIntField()),
                ("account_id", fields.BigIntField(db_index=True)),
                ("number", fields.CharField(max_length=24)),
                ("made_at", Instant()),
                ("staff_id", fields.BigIntField(null=True)),
                ("balance_after_fen", fields.BigIntField()),
                ("print_count", fields.IntField(default=0)),
                ("printed_at", Instant(null=True)),
                ("print_request", fields.CharField(max_length=64, default="")),
                ("facts", fields.TextField(default="{}")),
            ],
            options={
                "table": "receipt",
                "app": "models",
                "unique_together": (("site_id", "number"),),
                "pk_attr": "entry_id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReceiptDay",
            fields=[
                ("series", fields.CharField(max_length=48, primary_key=True)),
                ("count", fields.IntField(default=0)),
            ],
            options={"table": "receipt_day", "app": "models", "pk_attr": "series"},
            bases=["Model"],
        ),
        ops.AddField(
            "TopUp",
            "scene",
            fields.CharEnumField(Scene, max_length=8, default=Scene.PHONE, db_default=Scene.PHONE.value),
        ),
        ops.AddField("TopUp", "code_url", fields.CharField(max_length=200, null=True)),
        ops.AddField("TopUp", "staff_id", fields.BigIntField(null=True, db_index=True)),
        ops.AddField("TopUp", "staff_name", _text(32)),
        ops.AddField("TopUp", "payer", _text(32)),
        ops.AddField("TopUp", "note", _text(100)),
    ]

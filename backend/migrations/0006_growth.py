"""What a mall that grows while it runs needs: more about meters and lines, what was removed, ratio changes."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.domain.transformers import EnergySide
from backend.models.base import Instant


def _text(max_length: int) -> fields.CharField:
    return fields.CharField(max_length=max_length, default="", db_default="")


class Migration(migrations.Migration):
    dependencies = [("models", "0005_registers")]

    operations = [
        ops.AddField("Meter", "pt_ratio", fields.IntField(default=1, db_default=1)),
        ops.AddField(
            "Meter",
            "energy_side",
            fields.CharEnumField(
                EnergySide, max_length=16, default=EnergySide.SECONDARY, db_default=EnergySide.SECONDARY.value
            ),
        ),
        ops.AddField("Meter", "address", _text(12)),
        ops.AddField("Meter", "control_sealed", _text(200)),
        ops.AddField("Line", "device", _text(128)),
        ops.AddField("Line", "removed_at", Instant(null=True)),
        ops.AddField("Gateway", "removed_at", Instant(null=True)),
        ops.AddField("Shaft", "removed_at", Instant(null=True)),
        ops.AddField("Collector", "profiles", fields.TextField(null=True)),
        ops.CreateModel(
            name="RatioChange",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("site_id", fields.BigIntField(db_index=True)),
                ("meter_id", fields.BigIntField(db_index=True)),
                ("ct_ratio", fields.IntField()),
                ("pt_ratio", fields.IntField()),
                ("energy_side", fields.CharEnumField(EnergySide, max_length=16)),
                ("rated_power_w", fields.IntField()),
                ("ratio_before", fields.IntField(null=True)),
                ("replaced", fields.BooleanField()),
                ("from_at", Instant(null=True)),
                ("register_wh", fields.BigIntField(null=True)),
                ("approval_id", fields.BigIntField(db_index=True)),
                ("approved_at", Instant(null=True)),
                ("applied_at", Instant(null=True)),
                ("standing_key", fields.CharField(max_length=64, null=True, unique=True)),
            ],
            options={"table": "ratio_change", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]

"""What meters say of their clock and day table; registers that people decided about; meters changed."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.models.base import Instant
from backend.models.meters import DecisionKind


class Migration(migrations.Migration):
    dependencies = [("models", "0004_power_limit")]

    operations = [
        ops.AddField("MeterState", "period_table", fields.CharField(max_length=400, null=True)),
        ops.AddField("MeterState", "period_table_at", Instant(null=True)),
        ops.AddField("MeterState", "clock_offset_ms", fields.BigIntField(null=True)),
        ops.AddField("MeterState", "clock_at", Instant(null=True)),
        ops.AddField("MeterState", "rejected_wh", fields.BigIntField(null=True)),
        ops.CreateModel(
            name="RegisterDecision",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("site_id", fields.BigIntField(db_index=True)),
                ("meter_id", fields.BigIntField(db_index=True)),
                ("account_id", fields.BigIntField(db_index=True, null=True)),
                ("kind", fields.CharEnumField(DecisionKind, max_length=16)),
                ("read_at", Instant()),
                ("register_wh", fields.BigIntField()),
                ("last_at", Instant()),
                ("last_register_wh", fields.BigIntField()),
                ("most_wh", fields.BigIntField()),
                ("energy_wh", fields.BigIntField()),
                ("cost_nano", fields.BigIntField()),
                ("priced_at", Instant(null=True)),
                ("reason", fields.CharField(max_length=200)),
                ("decided_by", fields.BigIntField()),
                ("decided_at", Instant()),
                ("key", fields.CharField(max_length=64, unique=True)),
            ],
            options={"table": "register_decision", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MeterChange",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("site_id", fields.BigIntField(db_index=True)),
                ("account_id", fields.BigIntField(db_index=True, null=True)),
                ("old_meter_id", fields.BigIntField(db_index=True)),
                ("new_meter_id", fields.BigIntField(db_index=True, null=True)),
                ("line_id", fields.BigIntField()),
                ("unit", fields.IntField()),
                ("changed_at", Instant()),
                ("old_register_wh", fields.BigIntField()),
                ("old_source", fields.CharField(max_length=8)),
                ("new_meter", fields.TextField(default="{}", unique=False)),
                ("reason", fields.CharField(max_length=200)),
                ("asked_by", fields.BigIntField()),
                ("asked_at", Instant()),
                ("approval_id", fields.BigIntField()),
                ("energy_wh", fields.BigIntField(null=True)),
                ("done_by", fields.BigIntField(null=True)),
                ("done_at", Instant(null=True)),
                ("refused_at", Instant(null=True)),
            ],
            options={"table": "meter_change", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]

"""Power limits of shops."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.models.base import Instant


class Migration(migrations.Migration):
    dependencies = [("models", "0003_alarms")]

    operations: list[ops.Operation] = [
        ops.CreateModel(
            name="PowerWatch",
            fields=[
                ("meter_id", fields.BigIntField(primary_key=True, generated=False)),
                ("site_id", fields.BigIntField(db_index=True)),
                ("account_id", fields.BigIntField(null=True, db_index=True)),
                ("state", fields.CharField(default="under", max_length=16)),
                ("state_since_at", Instant(null=True)),
                ("over_since_at", Instant(null=True)),
                ("over_at", Instant(null=True)),
                ("over_w", fields.BigIntField(null=True)),
                ("told_at", Instant(null=True)),
                ("tripped_at", Instant(null=True)),
                ("restored_at", Instant(null=True)),
                ("retries", fields.IntField(default=0)),
                ("trouble_at", Instant(null=True)),
                ("night_since_at", Instant(null=True)),
                ("night_at", Instant(null=True)),
                ("night_told", fields.BooleanField(default=False)),
            ],
            options={"table": "power_watch", "app": "models", "pk_attr": "meter_id"},
            bases=["Model"],
        ),
        ops.AddField("Account", "night_limit_w", fields.BigIntField(null=True)),
        ops.AddField("Account", "power_tell_s", fields.IntField(null=True)),
        ops.AddField("Account", "power_trip_s", fields.IntField(null=True)),
        ops.AddField("Account", "power_restore_s", fields.IntField(null=True)),
        ops.AddField("Account", "power_retries", fields.IntField(null=True)),
        ops.AddField("Collector", "watching", fields.TextField(null=True)),
    ]

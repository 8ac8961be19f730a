"""Reports: files that people asked for, and entries found by kind and time."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.models.base import Instant
from backend.models.exports import ExportState


class Migration(migrations.Migration):
    dependencies = [("models", "0011_frame")]

    operations = [
        ops.CreateModel(
            name="ExportJob",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("site_id", fields.BigIntField()),
                ("asked_by", fields.BigIntField(db_index=True)),
                ("key", fields.CharField(max_length=96, unique=True)),
                ("kind", fields.CharField(max_length=24)),
                ("parameters", fields.TextField(default="{}")),
                ("state", fields.CharEnumField(ExportState, max_length=12, default=ExportState.WAITING)),
                ("rows_done", fields.IntField(default=0)),
                ("row_count", fields.IntField(null=True)),
                ("attempts", fields.IntField(default=0)),
                ("reason", fields.CharField(max_length=200, default="")),
                ("size_bytes", fields.BigIntField(null=True)),
                ("asked_at", Instant()),
                ("started_at", Instant(null=True)),
                ("ended_at", Instant(null=True)),
                ("expires_at", Instant(null=True, db_index=True)),
            ],
            options={"table": "export_job", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.RunSQL(
            "CREATE INDEX entry_kind_booked ON entry (site_id, kind, booked_at)",
            "DROP INDEX entry_kind_booked ON entry",
        ),
    ]

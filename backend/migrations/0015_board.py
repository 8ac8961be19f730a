"""Relay orders say why a person gave them, and how often they were given again."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0013_files")]

    operations = [
        ops.AddField("SupplyOrder", "note", fields.CharField(default="", db_default="", max_length=200)),
        ops.AddField("SupplyOrder", "retries", fields.IntField(default=0, db_default=0)),
    ]

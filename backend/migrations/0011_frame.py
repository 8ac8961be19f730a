"""Pictures with digits, asked for after a few failures to sign in."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.models.base import Instant


class Migration(migrations.Migration):
    dependencies = [("models", "0010_rules")]

    operations = [
        ops.CreateModel(
            name="Captcha",
            fields=[
                ("id", fields.BigIntField(primary_key=True, generated=False)),
                ("answer_hash", fields.CharField(max_length=64)),
                ("client_ip", fields.CharField(max_length=64, db_index=True)),
                ("made_at", Instant(db_index=True)),
            ],
            options={"table": "captcha", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]

"""Files: remarks on shops and meters, contacts that are gone and stay on record, a test read for who builds."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from backend.models.base import Instant

# Who hangs up a meter sees whether it answers. Other roles stay as they were cut.
_GRANTED = {
    "administrator": ("read_now", "remark"),
    "cashier": ("remark",),
    "electrician": ("remark",),
    "manager": ("remark",),
}
_GRANT = """
UPDATE role SET permissions = REPLACE(permissions, ']', ',"staff.{right}"]')
WHERE code = '{role}' AND INSTR(permissions, '"') > 0 AND INSTR(permissions, '"staff.{right}"') = 0"""


def _grants() -> list[ops.Operation]:
    return [
        ops.RunSQL(_GRANT.format(role=role, right=right), "")
        for role, rights in _GRANTED.items()
        for right in rights
    ]


class Migration(migrations.Migration):
    dependencies = [("models", "0012_reports")]

    operations = [
        ops.AddField("Shop", "remark", fields.CharField(max_length=200, default="", db_default="")),
        ops.AddField("Meter", "remark", fields.CharField(max_length=200, default="", db_default="")),
        ops.AddField("Contact", "removed_at", Instant(null=True)),
        *_grants(),
    ]

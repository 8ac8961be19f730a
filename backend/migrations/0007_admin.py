"""The web admin: a shop to practise on, and the rights that its screens ask for."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

# What each of the five roles may do from now on, as a new site has it. Roles of a site's own stay as they are.
_GRANTED = {
    "cashier": (
        "account.view account.open tenant.view tenant.change top_up receipt.reprint reversal.ask tariff.view"
        " policy.view report.own message.send"
    ),
    "finance": (
        "account.view tenant.view receipt.reprint reversal.ask reversal.approve tariff.view tariff.draft"
        " policy.view report.sales report.energy report.export"
    ),
    "electrician": "account.view policy.view report.energy",
    "manager": (
        "account.view account.open account.import account.practice tenant.view tenant.change receipt.reprint"
        " reversal.ask reversal.approve tariff.view tariff.draft tariff.approve policy.view policy.change report.sales"
        " report.energy report.export message.send"
    ),
    "administrator": "account.view account.import policy.view",
}
_GRANT = """
UPDATE role SET permissions = REPLACE(permissions, ']', ',"staff.{right}"]')
WHERE code = '{role}' AND INSTR(permissions, '"') > 0 AND INSTR(permissions, '"staff.{right}"') = 0"""


def _grants() -> list[ops.Operation]:
    return [
        ops.RunSQL(_GRANT.format(role=role, right=right), "")
        for role, rights in _GRANTED.items()
        for right in rights.split()
    ]


class Migration(migrations.Migration):
    dependencies = [("models", "0006_growth")]

    operations = [
        ops.AddField("Shop", "practice", fields.BooleanField(default=False, db_default=False)),
        *_grants(),
    ]

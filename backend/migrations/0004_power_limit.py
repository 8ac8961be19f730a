"""Power limits of shops."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0003_alarms")]

    operations: list[ops.Operation] = []

"""What a mall that grows while it runs needs."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0005_registers")]

    operations: list[ops.Operation] = []

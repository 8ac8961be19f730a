"""Ratios of meters, late registers and what people decided about them."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0004_power_limit")]

    operations: list[ops.Operation] = []

"""Alarms with causes, owners and history."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0002_readings")]

    operations: list[ops.Operation] = []

"""Readings, rollups and accruals: plain SQL, since Tortoise models neither composite keys nor partitions.

Instants are integer milliseconds UTC (exact, portable, a range to partition by); local days are
integers such as 20261122. MariaDB keeps readings in day partitions, made ahead by a job; `rest`
catches what no partition was made for, so that an insert never fails.
"""

from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops

_READINGS = """
CREATE TABLE reading (
    meter_id BIGINT NOT NULL,
    read_at_ms BIGINT NOT NULL,
    kind VARCHAR(8) NOT NULL,
    site_id BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    register_wh BIGINT NOT NULL,
    sharp_wh BIGINT NULL, peak_wh BIGINT NULL, flat_wh BIGINT NULL, valley_wh BIGINT NULL,
    power_w BIGINT NULL,
    relay VARCHAR(10) NOT NULL,
    verdict VARCHAR(12) NOT NULL,
    PRIMARY KEY (meter_id, read_at_ms, kind)
)"""

_HOURS = """
CREATE TABLE usage_hour (
    meter_id BIGINT NOT NULL,
    hour_at_ms BIGINT NOT NULL,
    energy_wh BIGINT NOT NULL,
    cost_nano BIGINT NOT NULL,
    estimated SMALLINT NOT NULL,
    PRIMARY KEY (meter_id, hour_at_ms)
)"""

_DAYS = """
CREATE TABLE usage_day (
    meter_id BIGINT NOT NULL,
    day INT NOT NULL,
    account_id BIGINT NULL,
    energy_wh BIGINT NOT NULL,
    sharp_wh BIGINT NOT NULL, peak_wh BIGINT NOT NULL, flat_wh BIGINT NOT NULL,
    valley_wh BIGINT NOT NULL, deep_valley_wh BIGINT NOT NULL,
    cost_nano BIGINT NOT NULL,
    estimated SMALLINT NOT NULL,
    PRIMARY KEY (meter_id, day)
)"""

_ACCRUALS = """
CREATE TABLE accrual (
    meter_id BIGINT NOT NULL,
    charge_on INT NOT NULL,
    revision INT NOT NULL,
    account_id BIGINT NOT NULL,
    from_ms BIGINT NOT NULL, to_ms BIGINT NOT NULL,
    from_register_wh BIGINT NOT NULL, to_register_wh BIGINT NOT NULL,
    energy_wh BIGINT NOT NULL,
    sharp_wh BIGINT NOT NULL, peak_wh BIGINT NOT NULL, flat_wh BIGINT NOT NULL,
    valley_wh BIGINT NOT NULL, deep_valley_wh BIGINT NOT NULL,
    energy_nano BIGINT NOT NULL, line_loss_nano BIGINT NOT NULL, transmission_nano BIGINT NOT NULL,
    system_nano BIGINT NOT NULL, funds_nano BIGINT NOT NULL,
    total_nano BIGINT NOT NULL,
    estimated SMALLINT NOT NULL,
    versions VARCHAR(200) NOT NULL,
    entry_id BIGINT NULL,
    PRIMARY KEY (meter_id, charge_on, revision)
)"""

_INDEXES = [
    "CREATE INDEX usage_day_account ON usage_day (account_id, day)",
    "CREATE INDEX accrual_account ON accrual (account_id, charge_on)",
    "CREATE INDEX accrual_open ON accrual (entry_id, charge_on)",
]


async def create(apps: Any, editor: Any) -> None:
    mysql = editor.client.capabilities.dialect == "mysql"
    for number, table in enumerate([_READINGS, _HOURS, _DAYS, _ACCRUALS]):
        tail = " ENGINE=InnoDB" if mysql else " WITHOUT ROWID"
        if mysql and number == 0:
            tail += " PARTITION BY RANGE (read_at_ms) (PARTITION rest VALUES LESS THAN MAXVALUE)"
        await editor.client.execute_script(table + tail)
    for index in _INDEXES:
        await editor.client.execute_script(index)


async def drop(apps: Any, editor: Any) -> None:
    for table in ["accrual", "usage_day", "usage_hour", "reading"]:
        await editor.client.execute_script(f"DROP TABLE {table}")


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [ops.RunPython(create, drop)]

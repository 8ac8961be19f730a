"""Day partitions of the readings on MariaDB (抄表分区): made ahead, dropped by retention.

`rest` catches what no partition was made for, so a missing one never fails an insert.
"""

from datetime import UTC, datetime, timedelta

from backend.store import dialect, rows, run

AHEAD_DAYS = 14
KEEP_DAYS = 1_130  # Three years and a month.


async def keep_partitions(now: datetime) -> list[str]:
    """Make what is missing up to two weeks ahead; return the names made. Harmless when repeated."""
    if dialect() != "mysql":
        return []
    names = {
        row["name"]
        for row in await rows(
            "SELECT PARTITION_NAME AS name FROM INFORMATION_SCHEMA.PARTITIONS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'reading'"
        )
    }
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = [today + timedelta(days=offset) for offset in range(AHEAD_DAYS + 1)]
    newest = max((name for name in names if name.startswith("d")), default="")
    missing = [day for day in wanted if _name(day) > newest]
    if missing:
        parts = ", ".join(f"PARTITION {_name(day)} VALUES LESS THAN ({_end_ms(day)})" for day in missing)
        await run(
            f"ALTER TABLE reading REORGANIZE PARTITION rest INTO ({parts},"
            " PARTITION rest VALUES LESS THAN MAXVALUE)"
        )
    oldest = _name(today - timedelta(days=KEEP_DAYS))
    stale = sorted(name for name in names if name.startswith("d") and name < oldest)
    if stale:
        await run(f"ALTER TABLE reading DROP PARTITION {', '.join(stale)}")
    return [_name(day) for day in missing]


def _name(day: datetime) -> str:
    return f"d{day:%Y%m%d}"


def _end_ms(day: datetime) -> int:
    return int((day + timedelta(days=1)).timestamp() * 1000)

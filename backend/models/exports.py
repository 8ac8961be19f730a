"""Files that people asked for (导出任务)."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, own_id


class ExportState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # Its file is deleted.


class ExportJob(Model):
    """One report as a file: who wants it, how far it is, and until when it is kept."""

    id = own_id()
    site_id = fields.BigIntField()
    asked_by = fields.BigIntField(db_index=True)
    key = fields.CharField(max_length=96, unique=True)  # "<staff>:<request>": one request is one file.
    kind = fields.CharField(max_length=24)
    parameters = json_text()  # services/exports.Wanted.
    state = fields.CharEnumField(ExportState, max_length=12, default=ExportState.WAITING)
    rows_done = fields.IntField(default=0)
    row_count = fields.IntField(null=True)  # NULL: not counted yet.
    attempts = fields.IntField(default=0)
    reason = fields.CharField(max_length=200, default="")  # Why it failed, for people.
    size_bytes = fields.BigIntField(null=True)
    asked_at = Instant()
    started_at = Instant(null=True)
    ended_at = Instant(null=True)
    expires_at = Instant(null=True, db_index=True)

    class Meta:
        table = "export_job"

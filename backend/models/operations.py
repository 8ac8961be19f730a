"""Work to do, alarms, tasks for people, and the collectors (发件箱、告警、待办、采集服务)."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, link, optional_link, own_id


class Outbox(Model):
    """Work that a transaction wants done (待办作业). Deleted when done."""

    id = own_id()
    kind = fields.CharField(max_length=32)
    key = fields.CharField(max_length=128, null=True, unique=True)  # Two equal pieces of work are one.
    payload = json_text()
    made_at = Instant()
    due_at = Instant(db_index=True)  # Far away while it runs and nobody wants it again.
    lease_until_at = Instant(null=True, db_index=True)  # Somebody runs it until then.
    attempts = fields.IntField(default=0)
    last_error = fields.CharField(max_length=200, default="")

    class Meta:
        table = "outbox"


class Alarm(Model):
    """Something is wrong (告警). Once per cause while it stands; what a bigger one explains is its child."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    kind = fields.CharField(max_length=32)
    severity = fields.CharField(max_length=8)  # "urgent", "major", "minor".
    meter_id = optional_link()
    account_id = optional_link()
    text = fields.CharField(max_length=200)
    facts = json_text()
    raised_at = Instant(db_index=True)
    cleared_at = Instant(null=True)
    standing_key = fields.CharField(max_length=128, null=True, unique=True)
    cause = fields.CharField(max_length=128, default="", db_index=True)  # Its standing_key, kept for good.
    since_at = Instant(null=True)  # When the fault itself began, as far as that is known.
    root_id = optional_link()  # The alarm that explains this one while both stand (根因).
    shaft_id = fields.BigIntField(null=True)
    acknowledged_at = Instant(null=True)
    acknowledged_by = fields.BigIntField(null=True)
    assigned_to = fields.BigIntField(null=True)
    snoozed_until_at = Instant(null=True)
    snooze_reason = fields.CharField(max_length=200, default="")
    reopened = fields.IntField(default=0)  # How often it came back within minutes (反复).
    version = fields.IntField(default=1)  # Grows with whatever changes what people see of it.

    class Meta:
        table = "alarm"


class AlarmEvent(Model):
    """One step in the life of an alarm (告警经过). Rows are never changed."""

    id = own_id()
    site_id = fields.BigIntField()
    alarm_id = link()
    at = Instant()
    kind = fields.CharField(max_length=16)  # services/alarm_book.py: Step.
    actor = fields.CharField(max_length=64)
    note = fields.CharField(max_length=200, default="")
    other_id = fields.BigIntField(null=True)  # The child or root; the person it was given to.

    class Meta:
        table = "alarm_event"


class LineState(Model):
    """How a line was when its collector last said something new (总线状态). No row: always well."""

    line_id = fields.BigIntField(primary_key=True, generated=False)
    site_id = fields.BigIntField(db_index=True)
    down_since_at = Instant(null=True)  # The connection is lost since then.
    silent_since_at = Instant(null=True)  # Connected, and hardly a meter answers.
    back_at = Instant(null=True)  # When it last came back: the silence of its meters before was the line's.

    class Meta:
        table = "line_state"


class StaffTask(Model):
    """Something a person must do (人工待办)."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    kind = fields.CharField(max_length=32)
    account_id = optional_link()
    cause = fields.CharField(max_length=128, unique=True)
    text = fields.CharField(max_length=200)
    opened_at = Instant()
    done_at = Instant(null=True)
    done_by = fields.BigIntField(null=True)
    note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "staff_task"


class Collector(Model):
    """A program that reads meters (采集服务). Two tokens are valid while one is being replaced."""

    id = own_id()
    site_id = fields.BigIntField()
    name = fields.CharField(max_length=64, unique=True)
    token_hash = fields.CharField(max_length=64)
    next_token_hash = fields.CharField(max_length=64, default="")
    line_codes = json_text()  # JSON array; empty: all lines of the site.
    clock_offset_ms = fields.IntField(null=True)  # Collector minus backend; NULL: unknown.
    seen_at = Instant(null=True)
    first_seen_at = Instant(null=True)  # Since it has been in contact without a long gap.
    away_since_at = Instant(null=True)  # When it was first missed; told when a second look says the same.
    health = json_text()
    profiles = fields.TextField(null=True)  # JSON of Health.profiles; NULL: not reported yet.
    watching = fields.TextField(null=True)  # JSON array: the watch list that it was given last.

    class Meta:
        table = "collector"


class SpoolMark(Model):
    """The last batch taken from a collector's spool (采集序号)."""

    id = own_id()
    collector_id = link()
    epoch = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=16)  # "readings" or "outcomes".
    number = fields.BigIntField()

    class Meta:
        table = "spool_mark"
        unique_together = (("collector_id", "epoch", "kind"),)

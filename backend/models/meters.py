"""Meters and the last thing each of them said (电表)."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, optional_link, own_id
from backend.models.site import Line
from common.wire import Relay


class MeterKind(StrEnum):
    PREPAID = "prepaid"  # Has a relay; belongs to a shop (内控型预付费表).
    PUBLIC = "public"  # Public area, measured only (公区表).


class Meter(Model):
    """A device on a line (表)."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    line: fields.ForeignKeyRelation[Line] = fields.ForeignKeyField("models.Line", on_delete=fields.RESTRICT)
    unit = fields.IntField()
    serial = fields.CharField(max_length=32)
    kind = fields.CharEnumField(MeterKind, max_length=16)
    profile = fields.CharField(max_length=64)
    ct_ratio = fields.IntField(default=1)
    rated_power_w = fields.IntField()
    register_step_wh = fields.IntField(default=10)  # One step of the display, secondary side.
    status_block_at = fields.IntField(null=True)
    permit = fields.BooleanField(default=False)
    place = fields.CharField(max_length=64, default="")
    account_id = optional_link()
    retired_at = Instant(null=True)

    line_id: int

    class Meta:
        table = "meter"
        unique_together = (("site_id", "serial"), ("line", "unit"))


class MeterState(Model):
    """The newest accepted reading of a meter and what follows from it (表的最新状态).

    One row a meter, rewritten with each batch; the readings themselves are never edited.
    """

    meter_id = fields.BigIntField(primary_key=True, generated=False)
    site_id = fields.BigIntField(db_index=True)
    account_id = optional_link()
    read_at = Instant(null=True)  # Of the newest accepted reading.
    register_wh = fields.BigIntField(null=True)  # As the meter shows it.
    period_registers = fields.CharField(max_length=128, null=True)  # JSON array of four.
    shown_at = Instant(null=True)  # Of the newest reading of any verdict.
    power_w = fields.BigIntField(null=True)
    relay = fields.CharEnumField(Relay, max_length=16, default=Relay.UNKNOWN)
    relay_at = Instant(null=True)
    forced = fields.BooleanField(null=True)
    electrical = json_text()  # Voltages and currents of the newest reading.
    accrued_nano = fields.BigIntField(default=0)  # Priced but not yet charged (应计未扣).
    accrued_wh = fields.BigIntField(default=0)
    cut_count = fields.IntField(default=0)  # Day cuts so far: what accrues after one is a new revision.
    quarantined_at = Instant(null=True)  # A person must decide about its register.
    silent_since_at = Instant(null=True)  # The collector calls it silent.

    class Meta:
        table = "meter_state"

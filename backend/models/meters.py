"""Meters and the last thing each of them said (电表)."""

from enum import StrEnum
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from backend.domain.transformers import EnergySide, Transformers
from backend.models.base import Instant, json_text, link, optional_link, own_id
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
    pt_ratio = fields.IntField(default=1, db_default=1)
    energy_side = fields.CharEnumField(
        EnergySide, max_length=16, default=EnergySide.SECONDARY, db_default=EnergySide.SECONDARY.value
    )
    rated_power_w = fields.IntField()
    register_step_wh = fields.IntField(default=10)  # One step of the display, secondary side.
    status_block_at = fields.IntField(null=True)
    permit = fields.BooleanField(default=False)
    place = fields.CharField(max_length=64, default="")
    account_id = optional_link()
    retired_at = Instant(null=True)
    # DL/T 645: the twelve digits by which it is called (通信地址); password and operator, encrypted.
    address = fields.CharField(max_length=12, default="", db_default="")
    control_sealed = fields.CharField(max_length=200, default="", db_default="")
    remark = fields.CharField(max_length=200, default="", db_default="")

    line_id: int

    class Meta:
        table = "meter"
        unique_together = (("site_id", "serial"), ("line", "unit"))

    @property
    def transformers(self) -> Transformers:
        return Transformers(self.ct_ratio, self.pt_ratio, self.energy_side)


class RatioChange(Model):
    """Other transformers, or a corrected ratio, from a reading on (变比更改). Asked for and approved.

    It takes effect at the first accepted reading at or after `from_at`: the interval up to it keeps the
    old ratio, or is split at `register_wh` where that was written down as the transformers were replaced.
    """

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    meter_id = link()
    ct_ratio = fields.IntField()
    pt_ratio = fields.IntField()
    energy_side = fields.CharEnumField(EnergySide, max_length=16)
    rated_power_w = fields.IntField()
    ratio_before = fields.IntField(null=True)  # Of readings up to `applied_at`.
    replaced = fields.BooleanField()  # The transformers themselves: waits until that is reported.
    from_at = Instant(null=True)  # NULL: not before it is reported.
    register_wh = fields.BigIntField(null=True)
    approval_id = link()
    approved_at = Instant(null=True)
    applied_at = Instant(null=True)  # Time of the reading at which it took effect.
    standing_key = fields.CharField(max_length=64, null=True, unique=True)  # "<meter>" while it waits.

    class Meta:
        table = "ratio_change"


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
    period_table = fields.CharField(max_length=400, null=True)  # JSON: the meter's own day table, newest.
    period_table_at = Instant(null=True)
    clock_offset_ms = fields.BigIntField(null=True)  # Meter clock minus collector clock, newest.
    clock_at = Instant(null=True)
    rejected_wh = fields.BigIntField(null=True)  # From here on up a person found registers wrong.

    if not TYPE_CHECKING:
        # A batch sets thousands of values; where there is no relation, Tortoise has nothing to check.
        __setattr__ = object.__setattr__

    class Meta:
        table = "meter_state"


class DecisionKind(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CHANGED = "changed"  # The meter was changed.


class RegisterDecision(Model):
    """What a person decided about a register in doubt (待核示数处理). Once per reading."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    meter_id = link()
    account_id = optional_link()
    kind = fields.CharEnumField(DecisionKind, max_length=16)
    read_at = Instant()  # Of the reading decided about.
    register_wh = fields.BigIntField()
    last_at = Instant()  # The accepted reading that it was judged against.
    last_register_wh = fields.BigIntField()
    most_wh = fields.BigIntField()  # What the meter could have carried meanwhile.
    energy_wh = fields.BigIntField()  # Charged by this decision; primary side.
    cost_nano = fields.BigIntField()
    priced_at = Instant(null=True)  # Stated by the person: all of it at the price of this instant.
    reason = fields.CharField(max_length=200)
    decided_by = fields.BigIntField()
    decided_at = Instant()
    key = fields.CharField(max_length=64, unique=True)  # "<meter>:<read_at_ms>".

    class Meta:
        table = "register_decision"


class MeterChange(Model):
    """One meter replaced by another (换表): both registers, who asked, who approved."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    account_id = optional_link()
    old_meter_id = link()
    new_meter_id = optional_link()  # Known once it is done.
    line_id = fields.BigIntField()
    unit = fields.IntField()
    changed_at = Instant()  # When the old one was taken off.
    old_register_wh = fields.BigIntField()
    old_source = fields.CharField(max_length=8)  # "read" or "typed".
    new_meter = json_text()  # services/meter_changes.NewMeter.
    reason = fields.CharField(max_length=200)
    asked_by = fields.BigIntField()
    asked_at = Instant()
    approval_id = fields.BigIntField()
    energy_wh = fields.BigIntField(null=True)  # Charged to close the old meter.
    done_by = fields.BigIntField(null=True)
    done_at = Instant(null=True)
    refused_at = Instant(null=True)

    class Meta:
        table = "meter_change"

"""Why a meter is off, what it shall be, how an order goes (送电状态)."""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, link, optional_link, own_id
from common.wire import OrderClass, Relay, Stage


class Supply(Model):
    """What one meter's relay shall be (目标状态). The generation only grows; the newest wins."""

    meter_id = fields.BigIntField(primary_key=True, generated=False)
    site_id = fields.BigIntField(db_index=True)
    account_id = optional_link()
    desired = fields.CharEnumField(Relay, max_length=16, default=Relay.ON)
    generation = fields.BigIntField(default=0)  # 0: never ordered anything.
    order_class = fields.CharEnumField(OrderClass, max_length=16, default=OrderClass.RESTORE)
    desired_at = Instant(null=True)
    first_write_until_at = Instant(null=True)  # Trips: not started later.
    stage: Stage | None = fields.CharEnumField(Stage, max_length=16, null=True)  # type: ignore[assignment]
    stage_at = Instant(null=True)
    verified_generation = fields.BigIntField(default=0)
    check_at = Instant(null=True, db_index=True)  # Time alone may change the answer then.
    holds = fields.CharField(max_length=400, default="[]")  # JSON: why an arrears trip waits.

    class Meta:
        table = "supply"


class SupplyOrder(Model):
    """One generation's way from order to proof (指令)."""

    id = own_id()
    site_id = fields.BigIntField()
    meter_id = link()
    account_id = optional_link()
    generation = fields.BigIntField()
    relay = fields.CharEnumField(Relay, max_length=16)
    order_class = fields.CharEnumField(OrderClass, max_length=16)
    reasons = fields.CharField(max_length=200, default="[]")
    cause = fields.CharField(max_length=160)  # "top_up:<order or request>", "episode:<id>", "staff:<id>".
    ordered_by = fields.BigIntField(null=True)  # Staff id; NULL: the engine.
    note = fields.CharField(max_length=200, default="", db_default="")  # Why, in that person's words.
    retries = fields.IntField(default=0, db_default=0)  # How often a person had it sent again.
    ordered_at = Instant(db_index=True)
    fetched_at = Instant(null=True)  # Handed to the collector.
    sent_at = Instant(null=True)
    acknowledged_at = Instant(null=True)
    commanded_at = Instant(null=True)
    verified_at = Instant(null=True)  # By the collector's clock.
    ended_at = Instant(null=True)  # Committed here.
    end_stage: Stage | None = fields.CharEnumField(Stage, max_length=16, null=True)  # type: ignore[assignment]
    trouble: Stage | None = fields.CharEnumField(  # type: ignore[assignment]
        Stage, max_length=16, null=True
    )  # Unreachable, contradicted.
    detail = json_text()  # Evidence by stage.

    class Meta:
        table = "supply_order"
        unique_together = (("meter_id", "generation"),)


class OffReason(Model):
    """A reason for a meter to be off other than money (断电原因). Independent rows."""

    id = own_id()
    site_id = fields.BigIntField()
    meter_id = link()
    reason = fields.CharField(max_length=16)
    note = fields.CharField(max_length=200, default="")
    placed_by = fields.BigIntField(null=True)
    placed_at = Instant()
    lifted_by = fields.BigIntField(null=True)
    lifted_at = Instant(null=True)
    standing_key = fields.CharField(max_length=64, null=True, unique=True)

    class Meta:
        table = "off_reason"


class EpisodeEnd(StrEnum):
    PAID = "paid"
    CLOSED = "closed"


class ArrearsEpisode(Model):
    """From the begin of arrears to its end (欠费过程): the warning, its proof, the delay, the holds."""

    id = own_id()
    site_id = fields.BigIntField()
    account_id = link()
    began_at = Instant()
    warned_at = Instant(null=True)  # The last warning went out.
    proof_at = Instant(null=True)  # One receipt, or a person's word.
    proof = fields.CharField(max_length=64, default="")
    order_holds = fields.IntField(default=0)
    held_order_no = fields.CharField(max_length=32, default="")
    outage_ended_at = Instant(null=True)
    trip_not_before_at = Instant(null=True)
    capped_at = Instant(null=True)  # The debt cap was passed while something held the trip.
    decided_at = Instant(null=True)  # The manager's word over the cap.
    decided_by = fields.BigIntField(null=True)
    decided_trip = fields.BooleanField(null=True)
    ended_at = Instant(null=True)
    end: EpisodeEnd | None = fields.CharEnumField(EpisodeEnd, max_length=16, null=True)  # type: ignore[assignment]
    standing_key = fields.CharField(max_length=64, null=True, unique=True)

    class Meta:
        table = "arrears_episode"


class ReadRequest(Model):
    """Read one meter now (立即抄表)."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    meter_id = link()
    purpose = fields.CharField(max_length=16)  # "staff" or "confirm".
    asked_by = fields.BigIntField(null=True)
    asked_at = Instant()
    due_at = Instant()
    expires_at = Instant()
    answered_at = Instant(null=True)
    standing_key = fields.CharField(max_length=64, null=True, unique=True)

    class Meta:
        table = "read_request"

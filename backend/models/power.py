"""Where meters stand against their shops' power limits (功率限值)."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, optional_link


class PowerWatch(Model):
    """One meter that was over a limit (超限过程); domain/power_limit.py says what the values mean.

    Made with the first sample over; written under the lock of the meter's account.
    """

    meter_id = fields.BigIntField(primary_key=True, generated=False)
    site_id = fields.BigIntField(db_index=True)
    account_id = optional_link()
    state = fields.CharField(max_length=16, default="under")
    state_since_at = Instant(null=True)
    over_since_at = Instant(null=True)  # First and newest sample of the row over the limit.
    over_at = Instant(null=True)
    over_w = fields.BigIntField(null=True)  # The newest of them.
    told_at = Instant(null=True)
    tripped_at = Instant(null=True)
    restored_at = Instant(null=True)
    retries = fields.IntField(default=0)
    trouble_at = Instant(null=True)
    night_since_at = Instant(null=True)
    night_at = Instant(null=True)
    night_told = fields.BooleanField(default=False)

    class Meta:
        table = "power_watch"

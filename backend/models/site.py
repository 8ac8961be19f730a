"""The mall and what hangs in its shafts (站点、强电井、通讯管理机、总线、商铺)."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, own_id


class Site(Model):
    """One mall (站点)."""

    id = own_id()
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)
    demo = fields.BooleanField(default=False)
    policy = json_text()  # services/site_policy.py: delay, windows, intervals.
    plan_version = fields.CharField(max_length=64, default="")

    class Meta:
        table = "site"


class Shaft(Model):
    """An electrical shaft (强电井)."""

    id = own_id()
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("models.Site", on_delete=fields.RESTRICT)
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    removed_at = Instant(null=True)  # Its rows stay: history names them.

    class Meta:
        table = "shaft"
        unique_together = (("site", "code"),)


class Gateway(Model):
    """The box that joins RS485 lines to the LAN (通讯管理机)."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    shaft: fields.ForeignKeyRelation[Shaft] = fields.ForeignKeyField(
        "models.Shaft", on_delete=fields.RESTRICT
    )
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    host = fields.CharField(max_length=128)
    removed_at = Instant(null=True)

    class Meta:
        table = "gateway"
        unique_together = (("site_id", "code"),)


class Line(Model):
    """One RS485 line (485 总线), owned by exactly one collector."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    gateway: fields.ForeignKeyRelation[Gateway] = fields.ForeignKeyField(
        "models.Gateway", on_delete=fields.RESTRICT
    )
    code = fields.CharField(max_length=32)
    port = fields.IntField()
    protocol = fields.CharField(max_length=16)
    baud = fields.IntField(default=9600)
    parity = fields.CharField(max_length=1, default="N")
    gateway_timeout_ms = fields.IntField(default=500)
    device = fields.CharField(max_length=128, default="", db_default="")  # Of a serial line; its port is 0.
    removed_at = Instant(null=True)

    class Meta:
        table = "line"
        unique_together = (("site_id", "code"),)


class Shop(Model):
    """A place that somebody rents (商铺)."""

    id = own_id()
    site: fields.ForeignKeyRelation[Site] = fields.ForeignKeyField("models.Site", on_delete=fields.RESTRICT)
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=64)
    floor = fields.CharField(max_length=16, default="")
    shop_class = fields.CharField(max_length=32, default="")
    practice = fields.BooleanField(default=False, db_default=False)  # To learn on: no report counts it.
    remark = fields.CharField(max_length=200, default="", db_default="")

    class Meta:
        table = "shop"
        unique_together = (("site", "code"),)


class PolicyChange(Model):
    """One change of a site's policy (策略变更). Rows are never changed."""

    id = own_id()
    site_id = fields.BigIntField()
    number = fields.IntField()  # 1, 2, 3 … of a site: who changes says which one they have seen.
    at = Instant()
    changed_by = fields.BigIntField()
    reason = fields.CharField(max_length=200)
    before = json_text()  # services/site_policy.SitePolicy.
    after = json_text()
    request_id = fields.CharField(max_length=64, unique=True)

    class Meta:
        table = "policy_change"
        unique_together = (("site_id", "number"),)

"""Tenants, staff, roles and sessions (商户、物业人员、角色、会话)."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, link, own_id


class Tenant(Model):
    """A person who pays, known by WeChat (商户)."""

    id = own_id()
    openid = fields.CharField(max_length=64, unique=True)
    unionid = fields.CharField(max_length=64, null=True, db_index=True)
    service_openid = fields.CharField(max_length=64, null=True, unique=True)
    follows = fields.BooleanField(default=False)
    made_at = Instant()

    class Meta:
        table = "tenant"


class Binding(Model):
    """A tenant may see and pay for an account (绑定)."""

    id = own_id()
    tenant_id = link()
    account_id = link()
    role = fields.CharField(max_length=16, default="owner")
    bound_at = Instant()
    revoked_at = Instant(null=True)
    standing_key = fields.CharField(max_length=64, null=True, unique=True)

    class Meta:
        table = "binding"


class BindingCode(Model):
    """A one-time code that binds a phone to an account (绑定码): ≥ 50 bits, 24 h, 5 tries."""

    id = own_id()
    site_id = fields.BigIntField()
    account_id = link()
    lookup = fields.CharField(max_length=16, unique=True)  # First part: finds the row.
    code_hash = fields.CharField(max_length=64)
    made_by = fields.BigIntField()
    made_at = Instant()
    expires_at = Instant()
    tries = fields.IntField(default=0)
    used_at = Instant(null=True)

    class Meta:
        table = "binding_code"


class Staff(Model):
    """A person who works for the mall (物业人员)."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    username = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=32)
    password_hash = fields.CharField(max_length=200)
    totp_secret = fields.CharField(max_length=200, default="")  # Encrypted with the secret key.
    totp_last_step = fields.BigIntField(default=0)  # A step is used once.
    failures = fields.IntField(default=0)
    locked_until_at = Instant(null=True)
    disabled_at = Instant(null=True)

    class Meta:
        table = "staff"


class Role(Model):
    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    code = fields.CharField(max_length=32)
    name = fields.CharField(max_length=32)
    permissions = json_text()  # JSON array of permission names.

    class Meta:
        table = "role"
        unique_together = (("site_id", "code"),)


class StaffRole(Model):
    id = own_id()
    staff_id = link()
    role_id = link()

    class Meta:
        table = "staff_role"
        unique_together = (("staff_id", "role_id"),)


class Session(Model):
    """An open login (会话). Only the hash of its token is kept."""

    id = own_id()
    kind = fields.CharField(max_length=8)  # "tenant" or "staff".
    subject_id = link()
    token_hash = fields.CharField(max_length=64, unique=True)
    csrf_hash = fields.CharField(max_length=64, default="")
    made_at = Instant()
    expires_at = Instant()
    revoked_at = Instant(null=True)

    class Meta:
        table = "session"


class Approval(Model):
    """Something that needs a second person (审批)."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    kind = fields.CharField(max_length=32)
    object_id = link()
    asked_by = fields.BigIntField()
    asked_at = Instant()
    reason = fields.CharField(max_length=200)
    decided_by = fields.BigIntField(null=True)
    decided_at = Instant(null=True)
    granted = fields.BooleanField(null=True)
    standing_key = fields.CharField(max_length=64, null=True, unique=True)

    class Meta:
        table = "approval"


class Captcha(Model):
    """A picture with digits that was shown to somebody who failed to sign in (图形验证码); used once."""

    id = own_id()
    answer_hash = fields.CharField(max_length=64)
    client_ip = fields.CharField(max_length=64, db_index=True)
    made_at = Instant(db_index=True)

    class Meta:
        table = "captcha"

"""Opening an account: its record, the draft before it, contacts checked, door codes, imports (开户)."""

from tortoise import fields
from tortoise.models import Model

from backend.models.base import Instant, json_text, link, own_id


class AccountOpening(Model):
    """How an account began (开户记录). Written once with it; what its printed sheet says."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    account_id = fields.BigIntField(unique=True)
    request_id = fields.CharField(max_length=64, unique=True)
    digest = fields.CharField(max_length=64)  # Of the request: the same id with another one is refused.
    opened_by = fields.BigIntField()
    opened_at = Instant()
    meters = json_text()  # services/open_account.OpenedMeter, in the order of the contract.

    class Meta:
        table = "account_opening"


class OpeningDraft(Model):
    """One person's wizard as it was left (开户草稿). Holds people's names and phones: goes after a week."""

    staff_id = fields.BigIntField(primary_key=True, generated=False)
    site_id = fields.BigIntField(db_index=True)
    content = json_text()  # As the page wrote it.
    saved_at = Instant(db_index=True)

    class Meta:
        table = "opening_draft"


class ContactCheck(Model):
    """A code sent to a phone by SMS, and whether the right one came back (手机核实)."""

    id = own_id()
    site_id = fields.BigIntField()
    phone = fields.CharField(max_length=20, db_index=True)
    code_hash = fields.CharField(max_length=64)
    asked_by = link()
    asked_at = Instant(db_index=True)
    expires_at = Instant()
    tries = fields.IntField(default=0)
    sent = fields.CharField(max_length=16, default="")  # messages.port.SendState, once it is known.
    sent_code = fields.CharField(max_length=64, default="")  # The provider's own word.
    verified_at = Instant(null=True)

    class Meta:
        table = "contact_check"


class DoorCode(Model):
    """What stands on a shop's door (门铺码): names the shop to whoever pays for it, and opens nothing else.

    60 random bits, kept as they are: it is printed and hung up, and must be printed again without a new one.
    """

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    shop_id = link()
    code = fields.CharField(max_length=16, unique=True)
    made_by = fields.BigIntField()
    made_at = Instant()
    revoked_at = Instant(null=True)
    standing_key = fields.CharField(max_length=64, null=True, unique=True)  # "<shop>".

    class Meta:
        table = "door_code"


class SiteImport(Model):
    """One file of shops and meters that was taken in, as a whole (批量导入)."""

    id = own_id()
    site_id = fields.BigIntField(db_index=True)
    request_id = fields.CharField(max_length=64, unique=True)
    digest = fields.CharField(max_length=64)  # SHA-256 of the file.
    file_name = fields.CharField(max_length=128)
    shops = fields.IntField()
    accounts = fields.IntField()
    meters = fields.IntField()
    made_by = fields.BigIntField()
    made_at = Instant()

    class Meta:
        table = "site_import"

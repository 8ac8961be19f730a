"""Who a shop is, and whether they can be told anything (联系人、可达性)."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.messages.port import NoticeLevel
from backend.messages.templates import template_id
from backend.models.accounts import Account, Contact
from backend.models.messages import Consent
from backend.models.people import Binding, Tenant
from backend.store import rows, some_utc, utc

_NEWEST_SQL = """
SELECT n.level, n.made_at, n.delivered_at, n.exhausted_at FROM notice n
WHERE n.account_id = ? ORDER BY n.id DESC LIMIT 1"""


class ContactView(Struct, frozen=True, kw_only=True):
    contact_id: str
    name: str
    phone: str
    verified_at: datetime | None


class LastNotice(Struct, frozen=True, kw_only=True):
    """The newest message to the shop. `state`: "delivered", "under_way" or "unreached"."""

    level: str
    made_at: datetime
    state: str


class People(Struct, frozen=True, kw_only=True):
    """Contacts and the ways to them. A shop that no way leads to is not reachable: staff must call."""

    contacts: list[ContactView]
    bound_phones: int  # WeChat accounts that are bound to the shop.
    subscribed: int  # Of them: with at least one message left that they allowed.
    following: int  # Of them: following the service account.
    verified_numbers: int  # For SMS.
    reachable: bool
    last_notice: LastNotice | None


async def people_of(ctx: Context, account: Account) -> People:
    """Return the people of an account with every way that a warning could take now."""
    contacts = await Contact.filter(account_id=account.id, removed_at=None).order_by("id")
    bound = [row.tenant_id for row in await Binding.filter(account_id=account.id, revoked_at=None)]
    tenants = await Tenant.filter(id__in=bound).order_by("id")
    subscribed = await _subscribed(ctx, [tenant.openid for tenant in tenants])
    following = sum(tenant.follows and bool(tenant.service_openid) for tenant in tenants)
    numbers = sum(contact.verified_at is not None for contact in contacts)
    return People(
        contacts=[
            ContactView(
                contact_id=str(contact.id),
                name=contact.name,
                phone=contact.phone,
                verified_at=contact.verified_at,
            )
            for contact in contacts
        ],
        bound_phones=len(tenants),
        subscribed=subscribed,
        following=following,
        verified_numbers=numbers,
        reachable=bool(subscribed or following or numbers),
        last_notice=await _last_notice(account),
    )


async def _subscribed(ctx: Context, openids: list[str]) -> int:
    """Count whoever would still get the last warning as a subscribe message (订阅消息)."""
    if not openids:
        return 0
    templates = ctx.settings.mini_program.templates
    level = NoticeLevel.LAST.value
    template = template_id(templates.get(level) or templates.get(level.lower(), ""))
    return await Consent.filter(template_id=template, openid__in=openids, left__gt=0).count()


async def _last_notice(account: Account) -> LastNotice | None:
    found = await rows(_NEWEST_SQL, [account.id])
    if not found:
        return None
    row = found[0]
    state = "under_way"
    if utc(row["delivered_at"]) is not None:
        state = "delivered"
    elif utc(row["exhausted_at"]) is not None:
        state = "unreached"
    return LastNotice(level=row["level"], made_at=some_utc(row["made_at"]), state=state)

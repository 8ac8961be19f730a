"""What the opening of an account shows (开户): what can be picked, and the sheet to print."""

from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.domain.transformers import EnergySide, Transformers
from backend.errors import NotFound
from backend.models.accounts import Account, Contact
from backend.models.openings import AccountOpening, DoorCode
from backend.models.people import Staff
from backend.models.site import Shop, Site
from backend.models.tariffs import Tariff
from backend.services.contact_checks import SMS, masked
from backend.services.door_codes import DoorCodeView, door_view
from backend.services.opening_meters import FRESH, OpenedMeter
from backend.services.site_policy import policy_of
from backend.store import rows, utc
from common.wire import Relay

_METERS_SQL = """
SELECT m.id, m.serial, m.unit, m.place, m.profile, m.ct_ratio, m.pt_ratio, m.energy_side, m.rated_power_w,
       l.code AS line, sf.name AS shaft_name, sh.code AS former_code, sh.name AS former_name,
       st.read_at, st.register_wh, st.relay, st.quarantined_at, st.silent_since_at, su.desired
FROM meter m
JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id JOIN shaft sf ON sf.id = g.shaft_id
JOIN meter_state st ON st.meter_id = m.id
LEFT JOIN supply su ON su.meter_id = m.id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop sh ON sh.id = a.shop_id
WHERE m.site_id = ? AND m.kind = 'prepaid' AND m.retired_at IS NULL
  AND (m.account_id IS NULL OR a.closed_at IS NOT NULL)
ORDER BY sf.code, l.code, m.unit"""

_SHOPS_SQL = """
SELECT s.id, s.code, s.name, s.floor, s.shop_class FROM shop s
WHERE s.site_id = ? AND NOT s.practice
  AND NOT EXISTS (SELECT 1 FROM account a WHERE a.shop_id = s.id AND a.closed_at IS NULL)
ORDER BY s.code"""

_TARIFFS_SQL = """
SELECT t.id, t.code, t.name, COUNT(v.id) AS versions, MIN(v.valid_from) AS first_at
FROM tariff t LEFT JOIN tariff_version v ON v.tariff_id = t.id
WHERE t.site_id = ? GROUP BY t.id, t.code, t.name ORDER BY t.id"""


class VacantShop(Struct, frozen=True, kw_only=True):
    shop_id: str
    code: str
    name: str
    floor: str
    shop_class: str


class FreeMeter(Struct, frozen=True, kw_only=True):
    """A prepaid meter without an open account. register_wh, read_at: None: never read."""

    meter_id: str
    serial: str
    shaft_name: str
    line: str
    unit: int
    place: str
    profile: str
    ratio: int
    rated_power_w: int
    register_wh: int | None
    read_at: datetime | None
    in_doubt: bool
    silent_since_at: datetime | None
    relay: str
    is_off: bool  # Ordered off; opening the account switches it on again.
    former_shop: str | None


class TariffChoice(Struct, frozen=True, kw_only=True):
    tariff_id: str
    code: str
    name: str
    in_force: bool


class OpeningDefaults(Struct, frozen=True, kw_only=True):
    low_fen: int
    low_days: int
    critical_fen: int
    critical_days: int
    overdraft_fen: int


class OpeningChoices(Struct, frozen=True, kw_only=True):
    """What the wizard offers. fresh_s: a register read longer ago is read again."""

    at: datetime
    shops: list[VacantShop]
    meters: list[FreeMeter]
    tariffs: list[TariffChoice]
    defaults: OpeningDefaults
    fresh_s: int
    sms_ready: bool
    contact_by_word: bool


class SheetContact(Struct, frozen=True, kw_only=True):
    name: str
    phone: str  # 139****0001
    verified: bool


class OpeningSheet(Struct, frozen=True, kw_only=True):
    """The printed sheet of an account (开户单). The binding code is not on it: that is shown once."""

    site_name: str
    account_id: str
    shop_id: str
    shop_code: str
    shop_name: str
    floor: str
    tenant_name: str
    contract_from_on: date | None
    contract_until_on: date | None
    contacts: list[SheetContact]
    meters: list[OpenedMeter]
    tariff_name: str
    low_fen: int
    low_days: int
    critical_fen: int
    critical_days: int
    overdraft_fen: int
    power_limit_w: int | None
    armed: bool
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    door: DoorCodeView | None


async def show_choices(ctx: Context) -> OpeningChoices:
    """Return vacant shops, free meters with the age of their register, tariffs and defaults."""
    site_id, now = ctx.caller.site_id, ctx.clock.now()
    policy = await policy_of(site_id)
    return OpeningChoices(
        at=now,
        shops=[_shop(row) for row in await rows(_SHOPS_SQL, [site_id])],
        meters=[_meter(row) for row in await rows(_METERS_SQL, [site_id])],
        tariffs=[_tariff(row, now) for row in await rows(_TARIFFS_SQL, [site_id])],
        defaults=OpeningDefaults(
            **{name: getattr(policy, name) for name in OpeningDefaults.__struct_fields__}
        ),
        fresh_s=int(FRESH.total_seconds()),
        sms_ready=ctx.messages.channel(SMS) is not None,
        contact_by_word=policy.contact_by_word,
    )


async def show_sheet(ctx: Context, account_id: int) -> OpeningSheet:
    """Return what the sheet of an account says. Errors: NotFound (also: not opened by the wizard)."""
    account = await Account.get_or_none(id=account_id, site_id=ctx.caller.site_id)
    opening = await AccountOpening.get_or_none(account_id=account_id)
    if account is None or opening is None:
        raise NotFound()
    shop = await Shop.get(id=account.shop_id)
    staff = await Staff.get_or_none(id=opening.opened_by)
    door = await DoorCode.get_or_none(standing_key=str(shop.id))
    contacts = await Contact.filter(account_id=account.id, removed_at=None).order_by("id")
    return OpeningSheet(
        site_name=(await Site.get(id=account.site_id)).name,
        account_id=str(account.id),
        shop_id=str(shop.id),
        shop_code=shop.code,
        shop_name=shop.name,
        floor=shop.floor,
        tenant_name=account.tenant_name,
        contract_from_on=account.contract_from_on,
        contract_until_on=account.contract_until_on,
        contacts=[
            SheetContact(name=one.name, phone=masked(one.phone), verified=one.verified_at is not None)
            for one in contacts
        ],
        meters=msgspec.json.decode(opening.meters, type=list[OpenedMeter]),
        tariff_name=(await Tariff.get(id=account.tariff_id)).name,
        low_fen=account.low_fen,
        low_days=account.low_days,
        critical_fen=account.critical_fen,
        critical_days=account.critical_days,
        overdraft_fen=account.overdraft_fen,
        power_limit_w=account.power_limit_w,
        armed=account.armed,
        opened_at=account.opened_at,
        opened_by=staff.name if staff else "",
        closed_at=account.closed_at,
        door=door_view(ctx, door) if door else None,
    )


def _shop(row: dict[str, Any]) -> VacantShop:
    return VacantShop(
        shop_id=str(row["id"]),
        code=row["code"],
        name=row["name"],
        floor=row["floor"],
        shop_class=row["shop_class"],
    )


def _meter(row: dict[str, Any]) -> FreeMeter:
    ratio = Transformers(row["ct_ratio"], row["pt_ratio"], EnergySide(row["energy_side"])).ratio
    return FreeMeter(
        meter_id=str(row["id"]),
        serial=row["serial"],
        shaft_name=row["shaft_name"],
        line=row["line"],
        unit=row["unit"],
        place=row["place"],
        profile=row["profile"],
        ratio=ratio,
        rated_power_w=row["rated_power_w"],
        register_wh=row["register_wh"],
        read_at=utc(row["read_at"]),
        in_doubt=row["quarantined_at"] is not None,
        silent_since_at=utc(row["silent_since_at"]),
        relay=row["relay"],
        is_off=row["desired"] == Relay.OFF.value,
        former_shop=f"{row['former_code']} {row['former_name']}" if row["former_code"] else None,
    )


def _tariff(row: dict[str, Any], now: datetime) -> TariffChoice:
    first_at = utc(row["first_at"])
    return TariffChoice(
        tariff_id=str(row["id"]),
        code=row["code"],
        name=row["name"],
        in_force=first_at is not None and first_at <= now,
    )

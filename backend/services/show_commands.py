"""Relay orders and how they went (指令中心): filters, pages, names, and what the caller may do about each."""

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from backend.context import Context
from backend.models.meters import Meter
from backend.models.people import Staff
from backend.models.supply import Supply, SupplyOrder
from backend.services.row_ids import id_of
from backend.services.steer_commands import may_cancel, may_retry, reasons_of
from backend.store import rows
from backend.store_rows import marks
from common.wire import Relay, Stage

ENGINE = "engine"
_PLACES_SQL = """
SELECT a.id, s.code, s.name FROM account a JOIN shop s ON s.id = a.shop_id WHERE a.id IN ({})"""
_SHOPS_SQL = """
SELECT a.id FROM account a JOIN shop s ON s.id = a.shop_id
WHERE a.site_id = ? AND (INSTR(LOWER(s.code), ?) > 0 OR INSTR(LOWER(s.name), ?) > 0)"""


class Shown(StrEnum):
    """Which orders a list is about, by how far they came."""

    OPEN = "open"  # Not ended.
    ENDED = "ended"
    WAITING = "waiting"  # Not sent yet.
    UNVERIFIED = "unverified"  # Sent, and not read back.
    STUCK = "stuck"
    VERIFIED = "verified"
    FAILED = "failed"  # Refused or expired.
    SUPERSEDED = "superseded"


class Command(Struct, frozen=True, kw_only=True):
    """One relay order with the time of each step; None has not happened."""

    order_id: str
    meter_id: str
    serial: str
    account_id: str | None
    shop_code: str | None
    shop_name: str | None
    generation: int
    relay: str
    order_class: str
    reasons: list[str]
    cause: str
    ordered_by: str | None  # Staff id; None: the platform itself.
    ordered_by_name: str | None
    note: str  # Why, in that person's words.
    ordered_at: datetime
    fetched_at: datetime | None  # Handed to the collector.
    sent_at: datetime | None
    acknowledged_at: datetime | None
    commanded_at: datetime | None
    verified_at: datetime | None
    ended_at: datetime | None
    end_stage: str | None
    trouble: str | None
    retries: int
    detail: dict[str, str]
    may_cancel: bool
    may_retry: bool


class CommandPage(Struct, frozen=True, kw_only=True):
    commands: list[Command]
    next_before: str | None  # Ask with it for what is older; None: there is no more.
    at: datetime


class CommandQuery(Struct, frozen=True, kw_only=True):
    """What a list shows; None: all. `by`: a staff id or "engine". `shop`: a part of its number or name."""

    meter_id: int | None = None
    account_id: int | None = None
    shown: Shown | None = None
    relay: Relay | None = None
    by: str | None = None
    shop: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    before: int | None = None
    limit: int = 50


async def list_commands(ctx: Context, query: CommandQuery) -> CommandPage:
    """Return a page of the site's orders, newest first. An id that names nothing finds nothing."""
    wanted = _of_shown(SupplyOrder.filter(site_id=ctx.caller.site_id), query.shown)
    if query.meter_id is not None:
        wanted = wanted.filter(meter_id=query.meter_id)
    if query.account_id is not None:
        wanted = wanted.filter(account_id=query.account_id)
    if query.relay is not None:
        wanted = wanted.filter(relay=query.relay)
    if query.by is not None:
        wanted = wanted.filter(ordered_by=None if query.by == ENGINE else id_of(query.by) or 0)
    if query.shop:
        text = query.shop.lower()
        found = await rows(_SHOPS_SQL, [ctx.caller.site_id, text, text])
        wanted = wanted.filter(account_id__in=[row["id"] for row in found] or [0])
    if query.from_at is not None:
        wanted = wanted.filter(ordered_at__gte=query.from_at)
    if query.to_at is not None:
        wanted = wanted.filter(ordered_at__lt=query.to_at)
    if query.before is not None:
        wanted = wanted.filter(id__lt=query.before)
    orders = await wanted.order_by("-id").limit(query.limit + 1)
    more = str(orders[query.limit - 1].id) if len(orders) > query.limit else None
    shown = await _commands(ctx, orders[: query.limit])
    return CommandPage(commands=shown, next_before=more, at=ctx.clock.now())


async def newest_commands(ctx: Context, meter_id: int, limit: int) -> list[Command]:
    return (await list_commands(ctx, CommandQuery(meter_id=meter_id, limit=limit))).commands


def _of_shown(wanted: QuerySet[SupplyOrder], shown: Shown | None) -> QuerySet[SupplyOrder]:
    match shown:
        case None:
            return wanted
        case Shown.OPEN:
            return wanted.filter(ended_at=None)
        case Shown.ENDED:
            return wanted.filter(ended_at__isnull=False)
        case Shown.WAITING:
            return wanted.filter(ended_at=None, sent_at=None)
        case Shown.UNVERIFIED:
            return wanted.filter(ended_at=None, sent_at__isnull=False)
        case Shown.STUCK:
            return wanted.filter(ended_at=None, trouble__isnull=False)
        case Shown.VERIFIED:
            return wanted.filter(end_stage=Stage.VERIFIED)
        case Shown.FAILED:
            return wanted.filter(Q(end_stage=Stage.REFUSED) | Q(end_stage=Stage.EXPIRED))
        case Shown.SUPERSEDED:
            return wanted.filter(end_stage=Stage.SUPERSEDED)


async def _commands(ctx: Context, orders: list[SupplyOrder]) -> list[Command]:
    if not orders:
        return []
    meter_ids = {item.meter_id for item in orders}
    serials = {row.id: row.serial for row in await Meter.filter(id__in=meter_ids)}
    supplies = {row.meter_id: row for row in await Supply.filter(meter_id__in=meter_ids)}
    people = {item.ordered_by for item in orders if item.ordered_by is not None}
    names = {row.id: row.name for row in await Staff.filter(id__in=people)} if people else {}
    accounts = sorted({item.account_id for item in orders if item.account_id is not None})
    shops = {}
    if accounts:
        found = await rows(_PLACES_SQL.format(marks(accounts)), accounts)
        shops = {int(row["id"]): (row["code"], row["name"]) for row in found}
    return [
        Command(
            order_id=str(order.id),
            meter_id=str(order.meter_id),
            serial=serials.get(order.meter_id, ""),
            account_id=None if order.account_id is None else str(order.account_id),
            shop_code=shops.get(order.account_id or 0, (None, None))[0],
            shop_name=shops.get(order.account_id or 0, (None, None))[1],
            generation=order.generation,
            relay=order.relay.value,
            order_class=order.order_class.value,
            reasons=reasons_of(order),
            cause=order.cause,
            ordered_by=None if order.ordered_by is None else str(order.ordered_by),
            ordered_by_name=names.get(order.ordered_by or 0),
            note=order.note,
            ordered_at=order.ordered_at,
            fetched_at=order.fetched_at,
            sent_at=order.sent_at,
            acknowledged_at=order.acknowledged_at,
            commanded_at=order.commanded_at,
            verified_at=order.verified_at,
            ended_at=order.ended_at,
            end_stage=order.end_stage.value if order.end_stage else None,
            trouble=order.trouble.value if order.trouble else None,
            retries=order.retries,
            detail=msgspec.json.decode(order.detail or "{}", type=dict[str, str]),
            may_cancel=may_cancel(ctx, order),
            may_retry=may_retry(ctx, order, supplies.get(order.meter_id)),
        )
        for order in orders
    ]

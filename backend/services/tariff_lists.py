"""Tariffs, their versions and drafts as the staff see them (电价方案)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET, Struct

from backend.context import Context
from backend.domain.tariffs import TariffVersion
from backend.errors import NotFound
from backend.models.accounts import Account
from backend.models.people import Approval, Staff
from backend.models.tariffs import Tariff, TariffDraft
from backend.services.approvals import STANDS_FOR
from backend.services.show_usage import day_number
from backend.services.tariff_book import every_version, versions_by_tariff
from backend.services.tariff_drafts import DraftState, priced_until, version_in
from backend.services.tariff_parts import BandPart, PeriodPrice, VersionContent, content_of, prices_of
from backend.store import rows
from common.clock import LOCAL_ZONE


class TariffVersionView(Struct, frozen=True, kw_only=True):
    """state: "in_force", "future", "past", "replaced" (another one begins at the same instant).

    used: some energy was priced by it, so that it can never change. until_at: None: open.
    """

    version_id: str
    valid_from: datetime
    until_at: datetime | None
    state: str
    used: bool
    content: VersionContent
    prices: list[PeriodPrice]


class DraftView(Struct, frozen=True, kw_only=True):
    """state: services/tariff_drafts.DraftState; expired: nobody answered within its day."""

    draft_id: str
    state: str
    note: str
    content: VersionContent
    prices: list[PeriodPrice]
    made_by: str
    made_by_name: str
    changed_at: datetime
    asked_by: str | None
    asked_by_name: str | None
    asked_at: datetime | None
    decided_by_name: str | None
    reason: str
    expired: bool


class TariffLine(Struct, frozen=True, kw_only=True):
    """kind: "single" (单一), "time_of_use" (分时); tiered: with 阶梯. None: no version is in force."""

    tariff_id: str
    code: str
    name: str
    shops: int
    kind: str | None
    tiered: bool
    bands: list[BandPart]  # Of an ordinary day.
    prices: list[PeriodPrice]
    valid_from: datetime | None
    next_from: datetime | None
    drafts: int
    waiting: int


class TariffView(Struct, frozen=True, kw_only=True):
    """priced_until: no version may begin before it."""

    tariff_id: str
    code: str
    name: str
    shops: int
    priced_until: datetime | None
    versions: list[TariffVersionView]
    drafts: list[DraftView]


async def list_tariffs(ctx: Context) -> list[TariffLine]:
    site_id, now = ctx.caller.site_id, ctx.clock.now()
    found = await Tariff.filter(site_id=site_id).order_by("code")
    books = await versions_by_tariff(site_id) if site_id else {}
    drafts = await TariffDraft.filter(
        site_id=site_id, state__in=[DraftState.DRAFT, DraftState.REFUSED, DraftState.ASKED]
    )
    lines = []
    for tariff in found:
        versions = books.get(tariff.id, ())
        current = next((one for one in reversed(versions) if one.valid_from <= now), None)
        coming = next((one for one in versions if one.valid_from > now), None)
        own = [draft for draft in drafts if draft.tariff_id == tariff.id]
        waiting = sum(draft.state == DraftState.ASKED for draft in own)
        lines.append(
            TariffLine(
                tariff_id=str(tariff.id),
                code=tariff.code,
                name=tariff.name,
                shops=await _shops(tariff.id),
                kind=None if current is None else _kind(current),
                tiered=current is not None and current.tiers is not UNSET,
                bands=[] if current is None else content_of(current).bands,
                prices=[] if current is None else prices_of(current),
                valid_from=None if current is None else current.valid_from,
                next_from=None if coming is None else coming.valid_from,
                drafts=len(own) - waiting,
                waiting=waiting,
            )
        )
    return lines


async def show_tariff(ctx: Context, tariff_id: int) -> TariffView:
    """Return a tariff with all its versions, the newest first, and its drafts. Errors: NotFound."""
    tariff = await Tariff.get_or_none(id=tariff_id, site_id=ctx.caller.site_id)
    if tariff is None:
        raise NotFound()
    drafts = await TariffDraft.filter(tariff_id=tariff.id).exclude(state=DraftState.DROPPED).order_by("-id")
    return TariffView(
        tariff_id=str(tariff.id),
        code=tariff.code,
        name=tariff.name,
        shops=await _shops(tariff.id),
        priced_until=await priced_until(tariff.id),
        versions=await _versions(ctx, tariff.id),
        drafts=await _drafts(ctx, drafts),
    )


async def _versions(ctx: Context, tariff_id: int) -> list[TariffVersionView]:
    now = ctx.clock.now()
    every = await every_version(tariff_id)  # In the order in which they were made.
    holding = {version.valid_from: version for version in every}
    starts = sorted(holding)
    views = []
    for version in every:
        later = [start for start in starts if start > version.valid_from]
        until_at = later[0] if later else None
        state = "past" if until_at is not None and until_at <= now else "in_force"
        if version.valid_from > now:
            state = "future"
        if holding[version.valid_from] is not version:
            state = "replaced"
        views.append(
            TariffVersionView(
                version_id=version.version_id,
                valid_from=version.valid_from,
                until_at=until_at,
                state=state,
                used=await _is_used(tariff_id, version),
                content=content_of(version),
                prices=prices_of(version),
            )
        )
    return sorted(views, key=lambda view: (view.valid_from, view.version_id), reverse=True)


async def _is_used(tariff_id: int, version: TariffVersion) -> bool:
    """Tell whether a charge names the version; charges before its begin cannot."""
    first_on = version.valid_from.astimezone(LOCAL_ZONE).date() - timedelta(days=1)
    found = await rows(
        "SELECT 1 AS one FROM account a JOIN accrual c ON c.account_id = a.id"
        " WHERE a.tariff_id = ? AND c.charge_on >= ? AND c.versions LIKE ? LIMIT 1",
        [tariff_id, day_number(first_on), f"%{version.version_id}%"],
    )
    return bool(found)


async def _drafts(ctx: Context, found: Sequence[TariffDraft]) -> list[DraftView]:
    ids = [draft.approval_id for draft in found if draft.approval_id is not None]
    approvals = {row.id: row for row in await Approval.filter(id__in=ids)}
    people = {draft.made_by for draft in found}
    for row in approvals.values():
        people |= {row.asked_by, row.decided_by or row.asked_by}
    names = {row.id: row.name for row in await Staff.filter(id__in=people)}
    now = ctx.clock.now()
    return [_draft(draft, approvals.get(draft.approval_id or 0), names, now) for draft in found]


def _draft(draft: TariffDraft, approval: Approval | None, names: dict[int, str], now: datetime) -> DraftView:
    version = version_in(draft)
    asked: Any = approval if draft.state != DraftState.DRAFT else None
    return DraftView(
        draft_id=str(draft.id),
        state=draft.state,
        note=draft.note,
        content=content_of(version),
        prices=prices_of(version),
        made_by=str(draft.made_by),
        made_by_name=names.get(draft.made_by, ""),
        changed_at=draft.changed_at,
        asked_by=None if asked is None else str(asked.asked_by),
        asked_by_name=None if asked is None else names.get(asked.asked_by, ""),
        asked_at=None if asked is None else asked.asked_at,
        decided_by_name=names.get(asked.decided_by) if asked is not None and asked.decided_by else None,
        reason="" if asked is None else asked.reason,
        expired=draft.state == DraftState.ASKED and asked is not None and now - asked.asked_at >= STANDS_FOR,
    )


async def _shops(tariff_id: int) -> int:
    return await Account.filter(tariff_id=tariff_id, closed_at=None).count()


def _kind(version: TariffVersion) -> str:
    return "single" if len(version.periods) == 1 else "time_of_use"

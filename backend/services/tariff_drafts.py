"""Versions of a tariff on their way (电价版本): drafted by one person, put in force by another one.

A version that has priced energy is never touched: a change is a new version from a date on, and that date is
never before what has been priced already. What an account was charged keeps the version it was charged by.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from backend.context import Context
from backend.domain.tariffs import TariffVersion
from backend.errors import Invalid, NotFound, Refused
from backend.models.accounts import Account
from backend.models.tariffs import Tariff, TariffDraft
from backend.models.tariffs import TariffVersion as VersionRow
from backend.services import approvals
from backend.services.approvals import OwnRequest
from backend.services.audit import record
from backend.services.locks import lock_accounts
from backend.services.tariff_parts import VersionContent, version_of
from backend.services.work import wake
from backend.store import rows, some_utc, unit_of_work

KIND = "tariff_version"


class DraftState(StrEnum):
    DRAFT = "draft"  # 草稿
    ASKED = "asked"  # 待审批
    REFUSED = "refused"  # 已退回，可修改后再提交
    APPROVED = "approved"  # 已通过
    DROPPED = "dropped"  # 已作废


_OPEN = (DraftState.DRAFT, DraftState.REFUSED)


class DraftNotOpen(Refused):
    code = "draft_not_open"
    message = "这个版本已提交审批或已处理，不能修改；待审批的可以先撤回"


async def make_draft(ctx: Context, tariff_id: int, content: VersionContent, request_id: UUID) -> str:
    """Draft a version and return the draft's id; the same request again returns the first one.

    Errors: NotFound, Invalid (with the field).
    """

    async def work() -> str:
        tariff = await _own_tariff(ctx, tariff_id)
        known = await TariffDraft.get_or_none(request_id=str(request_id))
        draft = known
        if draft is None:
            draft_id = ctx.ids.new()
            text = _text(version_of(content, str(draft_id)))
            await _need_free_start(tariff, content)
            now = ctx.clock.now()
            draft = await TariffDraft.create(
                id=draft_id,
                site_id=tariff.site_id,
                tariff_id=tariff.id,
                content=text,
                state=DraftState.DRAFT,
                made_by=ctx.caller.id,
                made_at=now,
                changed_at=now,
                request_id=str(request_id),
            )
        elif draft.site_id != ctx.caller.site_id:
            raise NotFound()
        await _record(
            ctx, "staff.tariff.draft", draft, {"after": _shown(draft), "repeated": known is not None}
        )
        return str(draft.id)

    return await unit_of_work(work, "make_draft")


async def change_draft(ctx: Context, draft_id: int, content: VersionContent) -> None:
    """Write a draft anew. Errors: NotFound, DraftNotOpen, Invalid (with the field)."""

    async def work() -> None:
        draft = await _own_draft(ctx, draft_id)
        _need_open(draft)
        before = _shown(draft)
        draft.content = _text(version_of(content, str(draft.id)))
        await _need_free_start(await Tariff.get(id=draft.tariff_id), content)
        draft.state, draft.note = DraftState.DRAFT, ""
        draft.made_by, draft.changed_at = ctx.caller.id, ctx.clock.now()
        await draft.save()
        await _record(ctx, "staff.tariff.draft.change", draft, {"before": before, "after": _shown(draft)})

    await unit_of_work(work, "change_draft")


async def drop_draft(ctx: Context, draft_id: int) -> None:
    """Put a draft away (作废); harmless when repeated. Errors: NotFound, DraftNotOpen."""

    async def work() -> None:
        draft = await _own_draft(ctx, draft_id)
        if draft.state != DraftState.DROPPED:
            _need_open(draft)
            draft.state = DraftState.DROPPED
            await draft.save(update_fields=["state"])
        await _record(ctx, "staff.tariff.draft.drop", draft, {"before": _shown(draft)})

    await unit_of_work(work, "drop_draft")


async def submit_draft(ctx: Context, draft_id: int, reason: str) -> None:
    """Ask another person to put a draft in force. Errors: NotFound, DraftNotOpen, AlreadyAsked, Invalid."""

    async def work() -> None:
        draft = await _own_draft(ctx, draft_id)
        if draft.state != DraftState.ASKED or await approvals.standing(ctx, KIND, draft.id) is not None:
            _need_open(draft)  # One that nobody answered within its day may be asked for again.
        await _need_unpriced(draft, lock=False)
        approval = await approvals.ask(ctx, KIND, draft.id, reason)
        draft.state, draft.approval_id, draft.note = DraftState.ASKED, approval.id, ""
        await draft.save(update_fields=["state", "approval_id", "note"])
        await _record(ctx, "staff.tariff.submit", draft, {"after": _shown(draft)}, reason)

    await unit_of_work(work, "submit_draft")


async def withdraw_draft(ctx: Context, draft_id: int) -> None:
    """Take back the wish for an approval; the draft is open again. Errors: NotFound, AlreadyDecided."""

    async def work() -> None:
        draft = await _own_draft(ctx, draft_id)
        if draft.state != DraftState.ASKED or draft.approval_id is None:
            raise approvals.AlreadyDecided()
        await approvals.withdraw(draft.approval_id)
        before = _shown(draft)
        draft.state = DraftState.DRAFT
        await draft.save(update_fields=["state"])
        await _record(ctx, "staff.tariff.withdraw", draft, {"before": before, "after": _shown(draft)})

    await unit_of_work(work, "withdraw_draft")


async def decide_draft(ctx: Context, draft_id: int, granted: bool, note: str) -> None:
    """Put a draft in force from its date on, or send it back. Nobody approves what they wrote or asked for.

    The tariff's accounts are locked meanwhile: no interval is being priced by the versions before.
    Errors: NotFound, OwnRequest, AlreadyDecided, ApprovalExpired, Invalid (its date has been charged).
    """

    async def work() -> None:
        draft = await _own_draft(ctx, draft_id)
        if granted and draft.made_by == ctx.caller.id:
            raise OwnRequest()
        if granted:
            await _need_unpriced(draft, lock=True)
        if draft.approval_id is None:
            raise NotFound()
        await approvals.decide(ctx, KIND, draft.approval_id, granted)
        before = {"state": draft.state}
        draft.note = note[:200]
        draft.state = DraftState.APPROVED if granted else DraftState.REFUSED
        if granted:
            draft.version_id = await _put_in_force(ctx, draft)
        await draft.save(update_fields=["state", "note", "version_id"])
        facts = {"granted": granted, "before": before, "after": _shown(draft)}
        await _record(ctx, "staff.tariff.approve", draft, facts, note)
        wake(ctx, f"live:{draft.site_id}")

    await unit_of_work(work, "decide_draft")


async def own_draft(ctx: Context, draft_id: int) -> TariffDraft:
    """Return a draft of the caller's site. Errors: NotFound."""
    draft = await TariffDraft.get_or_none(id=draft_id, site_id=ctx.caller.site_id)
    if draft is None:
        raise NotFound()
    return draft


async def priced_until(tariff_id: int) -> datetime | None:
    """Return up to when energy of a tariff's shops has been priced; None: never."""
    (row,) = await rows(
        "SELECT MAX(s.read_at) AS read_at FROM meter_state s JOIN account a ON a.id = s.account_id"
        " WHERE a.tariff_id = ?",
        [tariff_id],
    )
    return None if row["read_at"] is None else some_utc(row["read_at"])


def version_in(draft: TariffDraft) -> TariffVersion:
    return msgspec.json.decode(draft.content, type=TariffVersion)


async def _put_in_force(ctx: Context, draft: TariffDraft) -> int:
    version = version_in(draft)
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(version, version_id="-"))).hexdigest()
    key = {"tariff_id": draft.tariff_id, "valid_from": version.valid_from, "digest": digest}
    known = await VersionRow.get_or_none(**key)
    if known is not None:
        return int(known.id)  # Word for word what is there already.
    number = ctx.ids.new()
    stored = msgspec.structs.replace(version, version_id=str(number))
    await VersionRow.create(id=number, content=_text(stored), **key)
    return number


async def _need_unpriced(draft: TariffDraft, *, lock: bool) -> None:
    if lock:
        found = await Account.filter(tariff_id=draft.tariff_id, closed_at=None).values_list("id", flat=True)
        await lock_accounts([int(str(one)) for one in found])
    until_at = await priced_until(draft.tariff_id)
    if until_at is not None and version_in(draft).valid_from < until_at:
        raise Invalid(fields={"valid_from": "生效日期之后已有电量按原电价计费，请选择以后的日期"})


async def _need_free_start(tariff: Tariff, content: VersionContent) -> None:
    """Refuse a date that has been charged as it is written down, not only when it is asked for."""
    until_at = await priced_until(tariff.id)
    if until_at is not None and version_of(content, "-").valid_from < until_at:
        raise Invalid(fields={"valid_from": "生效日期之后已有电量按原电价计费，请选择以后的日期"})


def _need_open(draft: TariffDraft) -> None:
    if draft.state not in _OPEN:
        raise DraftNotOpen()


async def _own_tariff(ctx: Context, tariff_id: int) -> Tariff:
    tariff = await Tariff.get_or_none(id=tariff_id, site_id=ctx.caller.site_id)
    if tariff is None:
        raise NotFound()
    return tariff


async def _own_draft(ctx: Context, draft_id: int) -> TariffDraft:
    draft = await TariffDraft.filter(id=draft_id).select_for_update().first()
    if draft is None or draft.site_id != ctx.caller.site_id:
        raise NotFound()
    return draft


def _text(version: TariffVersion) -> str:
    return msgspec.json.encode(version).decode()


def _shown(draft: TariffDraft) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(draft.content)
    return {"state": str(draft.state), "version_id": draft.version_id, "content": content}


async def _record(
    ctx: Context, operation: str, draft: TariffDraft, facts: dict[str, Any], reason: str = ""
) -> None:
    shown = {"tariff_id": str(draft.tariff_id), **facts}
    await record(ctx, operation, f"tariff_draft:{draft.id}", reason=reason, facts=shown)

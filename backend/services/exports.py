"""Files that people ask for (导出任务): asked for once per request, kept seven days, given by id alone."""

import asyncio
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.errors import Forbidden, NotFound, Refused
from backend.models.exports import ExportJob, ExportState
from backend.reports.catalog import REPORTS
from backend.reports.excel_book import file_name
from backend.reports.port import Asked
from backend.services.audit import record
from backend.services.show_report import ReportQuery, asked_of, report_for
from backend.services.work import make_export
from backend.store import unit_of_work

KEEP = timedelta(days=7)
MOST_AT_ONCE = 5  # Of one person, waiting or running.
_SHOWN = 30
_OPEN = (ExportState.WAITING, ExportState.RUNNING)


class ExportsFull(Refused):
    code = "exports_full"
    message = "您有 {count} 个导出正在生成，请等它们完成后再试"


class ExportGone(Refused):
    code = "export_gone"
    message = "文件还没有生成，或已过保存期，请重新导出"


class ExportFixed(Refused):
    code = "export_fixed"
    message = "这个导出现在不能这样操作"


class Wanted(Struct, frozen=True, kw_only=True):
    """What the file shall hold. whole: every single row (全部明细), else what is on screen (在看的)."""

    from_on: date
    to_on: date
    group: str
    shaft_id: int | None
    floor: str | None
    meter_id: int | None
    staff_id: int | None
    page: int
    per_page: int
    whole: bool


class ExportView(Struct, frozen=True, kw_only=True):
    export_id: str
    kind: str
    title: str
    from_on: date
    to_on: date
    whole: bool
    state: ExportState
    rows_done: int
    row_count: int | None
    reason: str
    file_name: str
    size_bytes: int | None
    asked_at: datetime
    ended_at: datetime | None
    expires_at: datetime | None


async def ask_export(
    ctx: Context, kind: str, query: ReportQuery, *, whole: bool, request_id: str
) -> ExportView:
    """Want a report as a file; the same request again is the same file.

    Errors: Forbidden, NotFound, Invalid, ExportsFull.
    """
    report, own = report_for(ctx, kind)
    asked = asked_of(ctx, report, query, own=own)
    values = {name: getattr(asked, name) for name in Wanted.__struct_fields__ if name != "whole"}
    wanted = Wanted(**values, whole=whole)
    key = f"{ctx.caller.id}:{request_id}"

    async def work() -> ExportJob:
        known = await ExportJob.get_or_none(key=key)
        if known is not None:
            await record(ctx, "staff.export", f"export:{known.id}", facts={"repeated": True})
            return known
        count = await ExportJob.filter(asked_by=ctx.caller.id, state__in=_OPEN).count()
        if count >= MOST_AT_ONCE:
            raise ExportsFull(count=count)
        job = await ExportJob.create(
            id=ctx.ids.new(),
            site_id=ctx.caller.site_id,
            asked_by=ctx.caller.id,
            key=key,
            kind=kind,
            parameters=msgspec.json.encode(wanted).decode(),
            asked_at=ctx.clock.now(),
        )
        await make_export(ctx, job.id)
        facts = {"kind": kind, **msgspec.to_builtins(wanted)}
        await record(ctx, "staff.export", f"export:{job.id}", facts=facts)
        return job

    return view_of(await unit_of_work(work, "ask_export"))


async def list_exports(ctx: Context) -> list[ExportView]:
    """Return the caller's newest exports, newest first."""
    found = (
        await ExportJob.filter(site_id=ctx.caller.site_id, asked_by=ctx.caller.id)
        .order_by("-id")
        .limit(_SHOWN)
    )
    return [view_of(one) for one in found]


async def cancel_export(ctx: Context, export_id: int) -> ExportView:
    """Stop an export that waits or runs. Errors: NotFound, ExportFixed."""

    async def work() -> ExportJob:
        job = await _own(ctx, export_id)
        if job.state not in _OPEN:
            raise ExportFixed()
        before = job.state
        job.state, job.ended_at = ExportState.CANCELLED, ctx.clock.now()
        await job.save(update_fields=["state", "ended_at"])
        await record(ctx, "staff.export.cancel", f"export:{job.id}", facts={"before": before.value})
        return job

    return view_of(await unit_of_work(work, "cancel_export"))


async def retry_export(ctx: Context, export_id: int) -> ExportView:
    """Try again what failed or was stopped. Errors: NotFound, ExportFixed, Forbidden."""

    async def work() -> ExportJob:
        job = await _own(ctx, export_id)
        report_for(ctx, job.kind)
        if job.state not in (ExportState.FAILED, ExportState.CANCELLED, ExportState.EXPIRED):
            raise ExportFixed()
        before = job.state
        job.state, job.reason, job.attempts, job.rows_done = ExportState.WAITING, "", 0, 0
        job.ended_at = job.expires_at = job.size_bytes = None
        await job.save()
        await make_export(ctx, job.id)
        await record(ctx, "staff.export.retry", f"export:{job.id}", facts={"before": before.value})
        return job

    return view_of(await unit_of_work(work, "retry_export"))


async def export_file(ctx: Context, export_id: int) -> tuple[str, bytes]:
    """Return name and content of a file, to whoever asked for it or may see the same report.

    Errors: NotFound, Forbidden, ExportGone.
    """
    job = await ExportJob.get_or_none(id=export_id, site_id=ctx.caller.site_id)
    if job is None:
        raise NotFound()
    wanted = wanted_of(job)
    _, own = report_for(ctx, job.kind)
    if job.asked_by != ctx.caller.id and (own or wanted.staff_id is not None):
        raise Forbidden()
    if job.state is not ExportState.DONE:
        raise ExportGone()
    path = path_of(ctx, job.id)
    try:
        content = await asyncio.get_running_loop().run_in_executor(None, path.read_bytes)
    except FileNotFoundError:
        raise ExportGone() from None
    return view_of(job).file_name, content


async def drop_exports(ctx: Context) -> int:
    """Delete the files whose time is over, and what no export knows; return how many were deleted."""
    now = ctx.clock.now()
    old = await ExportJob.filter(state=ExportState.DONE, expires_at__lte=now)

    async def work() -> None:
        for job in old:
            await ExportJob.filter(id=job.id).update(state=ExportState.EXPIRED)

    await unit_of_work(work, "drop_exports")
    kept = {f"{one.id}.xlsx" for one in await ExportJob.filter(state=ExportState.DONE)}
    running = {f"{one.id}.xlsx" for one in await ExportJob.filter(state__in=_OPEN)}
    return _delete(folder_of(ctx), kept | running)


def _delete(folder: Path, kept: set[str]) -> int:
    gone = [one for one in folder.glob("*.xlsx") if one.name not in kept] if folder.is_dir() else []
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def folder_of(ctx: Context) -> Path:
    return ctx.settings.data_dir / "exports"


def path_of(ctx: Context, export_id: int) -> Path:
    return folder_of(ctx) / f"{export_id}.xlsx"


def wanted_of(job: ExportJob) -> Wanted:
    return msgspec.json.decode(job.parameters, type=Wanted)


def asked_for(job: ExportJob, now: datetime) -> Asked:
    """Return what a job asks its report for. A file of all rows has all pages."""
    wanted = wanted_of(job)
    values: dict[str, Any] = {
        name: getattr(wanted, name) for name in Wanted.__struct_fields__ if name != "whole"
    }
    if wanted.whole:
        values["page"] = 0
    return Asked(site_id=job.site_id, now=now, **values)


async def _own(ctx: Context, export_id: int) -> ExportJob:
    job = await ExportJob.get_or_none(id=export_id, site_id=ctx.caller.site_id, asked_by=ctx.caller.id)
    if job is None:
        raise NotFound()
    return job


def view_of(job: ExportJob) -> ExportView:
    wanted, report = wanted_of(job), REPORTS[job.kind]
    return ExportView(
        export_id=str(job.id),
        kind=job.kind,
        title=report.title,
        from_on=wanted.from_on,
        to_on=wanted.to_on,
        whole=wanted.whole,
        state=job.state,
        rows_done=job.rows_done,
        row_count=job.row_count,
        reason=job.reason,
        file_name=file_name(report, asked_for(job, job.asked_at)),
        size_bytes=job.size_bytes,
        asked_at=job.asked_at,
        ended_at=job.ended_at,
        expires_at=job.expires_at,
    )

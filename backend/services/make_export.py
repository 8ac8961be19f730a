"""Make a file that somebody asked for (生成导出文件). Harmless when run again: what is done stays done."""

from datetime import datetime, timedelta

from backend.context import Context
from backend.models.exports import ExportJob, ExportState
from backend.models.people import Staff
from backend.models.site import Shaft, Site
from backend.reports.catalog import REPORTS
from backend.reports.excel_book import About, book_of
from backend.reports.excel_process import NoLongerWanted, WriterFailed, write_excel
from backend.reports.port import Asked
from backend.reports.scope import scope_of
from backend.services.exports import KEEP, asked_for, folder_of, path_of, wanted_of
from backend.services.work import wake
from backend.store import unit_of_work

MOST_ATTEMPTS = 2  # A file that takes its worker down with it is not tried for ever.
MOST_ROWS = 500_000
_TELL_EVERY = timedelta(seconds=1)


async def make(ctx: Context, export_id: int) -> None:
    """Make the file, or write down why there is none; who waits is woken either way."""
    job = await unit_of_work(lambda: _begin(ctx, export_id), "make_export")
    if job is None:
        return
    try:
        await _write(ctx, job)
    except NoLongerWanted:
        path_of(ctx, job.id).unlink(missing_ok=True)
    except WriterFailed as failed:
        await _end(ctx, job, ExportState.FAILED, reason=str(failed))


async def _begin(ctx: Context, export_id: int) -> ExportJob | None:
    job = await ExportJob.get_or_none(id=export_id)
    if job is None or job.state not in (ExportState.WAITING, ExportState.RUNNING):
        return None
    if job.attempts >= MOST_ATTEMPTS:
        # It ran and nobody wrote down how it ended: the program was stopped under it.
        job.state, job.ended_at = ExportState.FAILED, ctx.clock.now()
        job.reason = "生成过程两次中断，请重试"
        await job.save(update_fields=["state", "ended_at", "reason"])
        wake(ctx, f"exports:{job.asked_by}")
        return None
    job.state, job.attempts = ExportState.RUNNING, job.attempts + 1
    job.started_at, job.rows_done, job.row_count = ctx.clock.now(), 0, None
    await job.save(update_fields=["state", "attempts", "started_at", "rows_done", "row_count"])
    return job


async def _write(ctx: Context, job: ExportJob) -> None:
    report, asked = REPORTS[job.kind], asked_for(job, ctx.clock.now())
    sheet = await report.show(asked)
    detail = await report.detail(asked) if wanted_of(job).whole else None
    count = len(sheet.rows) if detail is None else detail.row_count
    if count > MOST_ROWS:
        raise WriterFailed(f"共 {count} 行，超过 {MOST_ROWS} 行，请缩小日期范围")
    if detail is not None and detail.columns != sheet.columns:
        count += len(sheet.rows)
    await unit_of_work(lambda: ExportJob.filter(id=job.id).update(row_count=count), "export_progress")
    folder_of(ctx).mkdir(parents=True, exist_ok=True, mode=0o700)
    book, rows = book_of(str(path_of(ctx, job.id)), report, sheet, detail, await _about(ctx, job, asked))
    told_at: datetime | None = None

    async def tell(done: int) -> bool:
        """Write down how far it is, once a second, and look whether it is still wanted."""
        nonlocal told_at
        now = ctx.clock.now()
        if told_at is not None and now - told_at < _TELL_EVERY:
            return True
        told_at = now
        return bool(await unit_of_work(lambda: _progress(job.id, done), "export_progress"))

    await write_excel(book, rows, tell)
    size = path_of(ctx, job.id).stat().st_size
    await _end(ctx, job, ExportState.DONE, size_bytes=size, rows_done=count)


async def _progress(export_id: int, done: int) -> bool:
    open_ = ExportJob.filter(id=export_id, state=ExportState.RUNNING)
    await open_.update(rows_done=done)
    return await open_.exists()


async def _end(ctx: Context, job: ExportJob, state: ExportState, **values: object) -> None:
    now = ctx.clock.now()

    async def work() -> bool:
        values["expires_at"] = now + KEEP if state is ExportState.DONE else None
        running = ExportJob.filter(id=job.id, state=ExportState.RUNNING)
        was = await running.exists()
        await running.update(state=state, ended_at=now, **values)
        wake(ctx, f"exports:{job.asked_by}")
        return was

    if not await unit_of_work(work, "export_end"):  # Cancelled in the last moment.
        path_of(ctx, job.id).unlink(missing_ok=True)


async def _about(ctx: Context, job: ExportJob, asked: Asked) -> About:
    site, staff = await Site.get(id=job.site_id), await Staff.get_or_none(id=job.asked_by)
    name = staff.name if staff else ""
    told = []
    if asked.shaft_id is not None:
        shaft = await Shaft.get_or_none(id=asked.shaft_id, site_id=job.site_id)
        told.append(shaft.name if shaft else "未知强电井")
    if asked.floor is not None:
        told.append(f"楼层 {asked.floor}")
    if asked.meter_id is not None:
        meter = (await scope_of(asked)).meters.get(asked.meter_id)
        told.append(f"电表 {meter.serial}" if meter else "未知电表")
    if asked.staff_id is not None:
        told.append(f"收银员 {name}")
    return About(
        site_name=site.name,
        staff_name=name,
        made_at=ctx.clock.now(),
        filtered=f"范围：{'、'.join(told) or '全部'}",
    )

"""Make a report's file (生成导出文件). Runs again safely: what is done, failed or cancelled stays so."""

from backend.context import Context
from backend.jobs.port import Done, Lane
from backend.services.make_export import make
from backend.services.work import MAKE_EXPORT, ExportWork

KIND = MAKE_EXPORT
LANE = Lane.SLOW
Payload = ExportWork


async def run(ctx: Context, payload: ExportWork) -> Done:
    await make(ctx, payload.export_id)
    return Done()

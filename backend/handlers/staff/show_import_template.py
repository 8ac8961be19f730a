"""GET /api/v1/staff/import-template: the Excel file to fill in (导入模板)."""

from urllib.parse import quote

from backend.context import Context
from backend.routing import Raw, get
from backend.services.import_site import XLSX, make_template

_NAME = quote("商铺与电表导入模板.xlsx")


@get("/api/v1/staff/import-template", permission="staff.account.import")
async def handle(ctx: Context) -> Raw:
    """Return an .xlsx with headings, notes and this site's lines, models and tariffs to pick from."""
    headers = (
        ("Content-Disposition", f"attachment; filename=\"import-template.xlsx\"; filename*=UTF-8''{_NAME}"),
    )
    return Raw(await make_template(ctx), XLSX, headers=headers)

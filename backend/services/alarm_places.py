"""Where a meter is, as an electrician looks for it (位置): shaft, gateway, line, meter, shop."""

from backend.models.meters import Meter
from backend.store import rows

_SQL = """
SELECT l.code AS line, g.code AS gateway, sf.name AS shaft, sh.code, sh.name
FROM meter m JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id
JOIN shaft sf ON sf.id = g.shaft_id
LEFT JOIN account a ON a.id = m.account_id LEFT JOIN shop sh ON sh.id = a.shop_id WHERE m.id = ?"""


async def place_of(meter: Meter) -> str:
    """Return "1 号强电井 G1/L1 表 T0001（A001 张记面馆）"; asked for when an alarm is raised, not before."""
    (row,) = await rows(_SQL, [meter.id])
    owner = f"{row['code']} {row['name']}" if row["code"] else meter.place or "公区"
    return f"{row['shaft']} {row['gateway']}/{row['line']} 表 {meter.serial}（{owner}）"

"""What the tests of the roles' days share: a line that is still to be wired, codes of phones, no barriers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from playwright.async_api import Locator, Page, expect

from common.clock import SystemClock
from simulator.mall import Mall
from tests.admin.conftest import RunningMall, find_barriers
from tests.admin.mall import VACANT_SHOP

NO_PRINTER = "window.print = () => { window.printed = (window.printed ?? 0) + 1 }"
READ_WITHIN_S = 60.0
TOTP_STEP_MS = 30_000


@contextlib.asynccontextmanager
async def unwired_line(seed: int) -> AsyncIterator[Mall]:
    """Two prepaid meters on a line of their own, which the product does not know yet."""
    box = Mall.build(seed, SystemClock(), shafts=1, lines_per_gateway=1, prepaid=2, public=0, mixed=False)
    await box.serve()
    try:
        yield box
    finally:
        await box.close()


async def wire(mall: RunningMall, box: Mall, letter: str) -> list[str]:
    """Build shaft, gateway, line and meters as the administrator; return the meters' numbers once read."""

    async def add(path: str, **body: Any) -> Any:
        return await mall.api("administrator", "POST", f"/api/v1/staff/{path}", body)

    shaft = await add("shafts", code=f"S-{letter}", name=f"{letter} 座强电井")
    gateway = await add(
        "gateways",
        shaft_id=shaft["shaft_id"],
        code=f"G-{letter}",
        name=f"{letter} 座通讯管理机",
        host="127.0.0.1",
    )
    line = await add(
        "lines",
        gateway_id=gateway["gateway_id"],
        code=f"L-{letter}",
        protocol="modbus-tcp",
        port=box.lines[0].port,
    )
    specs = [meter.spec for meter in box.meters.values()]
    serials = [f"{letter}-{spec.unit:04}" for spec in specs]
    meters = [
        {
            "unit": spec.unit,
            "profile": spec.profile,
            "rated_power_w": spec.rated_power_w,
            "ct_ratio": spec.ct_ratio,
            "serial": serial,
            "kind": "prepaid",
        }
        for spec, serial in zip(specs, serials, strict=True)
    ]
    await add(f"lines/{line['line_id']}/meters", meters=meters)
    async with asyncio.timeout(READ_WITHIN_S):
        while not all(_is_read(mall, serial) for serial in serials):
            await asyncio.sleep(0.5)
    return serials


def _is_read(mall: RunningMall, serial: str) -> bool:
    found = mall.rows(
        "SELECT s.read_at FROM meter m JOIN meter_state s ON s.meter_id = m.id WHERE m.serial = ?", serial
    )
    return bool(found) and found[0]["read_at"] is not None


async def sell(
    mall: RunningMall, account_id: str, amount_fen: int, method: str = "cash", reference: str = ""
) -> str:
    """Take money as the cashier, past the browser; return the entry's id."""
    body = {"amount_fen": amount_fen, "method": method, "request_id": str(uuid4()), "reference": reference}
    if method == "cash":
        body["received_fen"] = amount_fen
    sold = await mall.api("cashier", "POST", f"/api/v1/staff/accounts/{account_id}/counter-top-ups", body)
    return str(sold["top_up_id"])


async def shop_rows(mall: RunningMall) -> list[dict[str, Any]]:
    """The mall's own shops with an account as the board shows them, by shop number."""
    board = await mall.api("manager", "GET", "/api/v1/staff/board")
    own = [row for row in board["rows"] if row["account_id"] and row["shop_code"] != VACANT_SHOP]
    return sorted(own, key=lambda row: str(row["shop_code"]))


async def powered_shop(mall: RunningMall, number: int) -> dict[str, Any]:
    """The number-th shop, paid for, switched on and read since."""
    wanted = (await shop_rows(mall))[number]
    await sell(mall, wanted["account_id"], 500_000)
    async with asyncio.timeout(READ_WITHIN_S):
        while True:
            for row in await shop_rows(mall):
                is_it = row["meter_id"] == wanted["meter_id"]
                if is_it and row["relay"] == row["desired"] == "ON" and row["verified"] and row["power_w"]:
                    return row
            await asyncio.sleep(0.5)


async def fill_totp(dialog: Locator) -> None:
    """Have the demonstration type the next code; each is used once, so a used one is waited for."""
    field, button = dialog.locator("input[name=totp]"), dialog.get_by_role("button", name="演示：填入")
    for _ in range(2 * TOTP_STEP_MS // 1_000):
        await button.click()
        await dialog.page.wait_for_timeout(1_000)
        if len(await field.input_value()) == 6:
            return
    raise AssertionError("no code became usable")


async def no_barriers(page: Page) -> None:
    """Look for barriers once nothing fades any more."""
    await expect(page.locator(".el-message")).to_have_count(0, timeout=15_000)
    await page.wait_for_timeout(300)
    found = await find_barriers(page)
    assert found == [], "\n".join(found)


def yuan(fen: int) -> str:
    """Fen as reports write them."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"

"""GET /demo/config.json: where a demo's phone finds the simulated WeChat (演示配置)."""

from msgspec import Struct

from backend.context import Context
from backend.handlers.demo.page_files import need_demo
from backend.routing import Reply, get, ok


class Addresses(Struct, frozen=True, kw_only=True):
    pay_url: str  # The pay sheet stands under it.
    wechat_url: str  # wx.login stands under it.


@get("/demo/config.json", permission="public", listener="public", name="demo.show_config")
async def handle(ctx: Context) -> Reply[Addresses]:
    """Return the addresses of the simulators. Errors: NotFound (no demo)."""
    need_demo(ctx)
    return ok(Addresses(pay_url=ctx.settings.pay.base_url, wechat_url=ctx.settings.mini_program.api_base_url))

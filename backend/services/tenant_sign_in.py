"""Signing in by WeChat (商户登录): the phone's code becomes a person, and a session of 30 days."""

from backend.context import CallerKind, Context
from backend.messages.port import WechatIdentity
from backend.models.people import Tenant
from backend.services.authenticate import open_session
from backend.store import run, sql_time, unit_of_work, upsert_sql


async def sign_in_tenant(ctx: Context, code: str) -> str:
    """Return a new token for whoever holds the phone; each sign-in opens its own session.

    Errors: LoginCodeRefused, LoginBlocked, TooMany, WechatUnsure, WechatRefused.
    """
    who = await ctx.messages.code_to_session(code)
    return await unit_of_work(lambda: _sign_in(ctx, who), "tenant_sign_in")


async def _sign_in(ctx: Context, who: WechatIdentity) -> str:
    columns = ["id", "openid", "unionid", "follows", "made_at"]
    # One statement: two phones of one person at once make one tenant.
    sql = upsert_sql("tenant", columns, ["openid"], keep=[one for one in columns if one != "openid"])
    await run(sql, [ctx.ids.new(), who.openid, who.unionid, False, sql_time(ctx.clock.now())])
    tenant = await Tenant.get(openid=who.openid)
    if who.unionid and tenant.unionid != who.unionid:
        tenant.unionid = who.unionid
        await tenant.save(update_fields=["unionid"])
    return await open_session(ctx, CallerKind.TENANT, tenant.id)

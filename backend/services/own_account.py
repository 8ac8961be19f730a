"""An account of the caller's site, or nothing (本站点的户)."""

from backend.context import Context
from backend.errors import NotFound
from backend.models.accounts import Account


async def own_account(ctx: Context, account_id: int) -> Account:
    """Return an account of the caller's site, open or closed. Errors: NotFound."""
    account = await Account.get_or_none(id=account_id, site_id=ctx.caller.site_id)
    if account is None:
        raise NotFound()
    return account

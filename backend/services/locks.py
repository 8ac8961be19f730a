"""Row locks (加锁), in one order everywhere: accounts by id, meter states by id, the audit head last."""

from collections.abc import Iterable

from backend.errors import Bug, NotFound
from backend.models.accounts import Account
from backend.models.meters import MeterState


async def lock_accounts(ids: Iterable[int]) -> list[Account]:
    """Lock account rows until the unit of work ends, ids ascending; all must exist."""
    wanted = sorted(set(ids))
    accounts = await Account.filter(id__in=wanted).order_by("id").select_for_update()
    if len(accounts) != len(wanted):
        raise Bug(f"accounts {wanted} are not all there")
    return list(accounts)


async def lock_account(account_id: int) -> Account:
    account = await Account.filter(id=account_id).select_for_update().first()
    if account is None:
        raise NotFound()
    return account


async def lock_states(account_id: int) -> list[MeterState]:
    """Lock the states of an account's meters; the account must be locked before."""
    return list(await MeterState.filter(account_id=account_id).order_by("meter_id").select_for_update())


async def lock_state(meter_id: int) -> MeterState:
    """Lock the state of one meter; the account that it belongs to must be locked before."""
    state = await MeterState.filter(meter_id=meter_id).select_for_update().first()
    if state is None:
        raise NotFound()
    return state

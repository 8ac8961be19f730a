"""Row locks (加锁), in one order everywhere: accounts by id, meter states by id, the audit head last."""

from collections.abc import Iterable, Sequence

from backend.errors import Bug, NotFound
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.store_rows import marks, whole_rows


async def lock_accounts(ids: Iterable[int]) -> list[Account]:
    """Lock account rows until the unit of work ends, ids ascending; all must exist."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    accounts = await whole_rows(Account, f"id IN ({marks(wanted)}) ORDER BY id", wanted, lock=True)
    if len(accounts) != len(wanted):
        raise Bug(f"accounts {wanted} are not all there")
    return accounts


async def lock_account(account_id: int) -> Account:
    account = await Account.filter(id=account_id).select_for_update().first()
    if account is None:
        raise NotFound()
    return account


async def lock_states(account_id: int) -> list[MeterState]:
    """Lock the states of an account's meters; the account must be locked before."""
    return await whole_rows(MeterState, "account_id = ? ORDER BY meter_id", [account_id], lock=True)


async def lock_states_of(meter_ids: Sequence[int], account_ids: Sequence[int]) -> list[MeterState]:
    """Lock the states of meters and of all meters of accounts, ids ascending; the accounts are locked."""
    where = f"meter_id IN ({marks(meter_ids)})"
    if account_ids:
        where += f" OR account_id IN ({marks(account_ids)})"
    return await whole_rows(MeterState, f"{where} ORDER BY meter_id", [*meter_ids, *account_ids], lock=True)


async def lock_state(meter_id: int) -> MeterState:
    """Lock the state of one meter; the account that it belongs to must be locked before."""
    state = await MeterState.filter(meter_id=meter_id).select_for_update().first()
    if state is None:
        raise NotFound()
    return state

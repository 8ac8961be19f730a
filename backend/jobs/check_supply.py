"""Decide an account's supply again when time alone may change the answer (到点复查)."""

from backend.context import Context
from backend.jobs.port import Done
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account
from backend.services.work import CHECK_SUPPLY, AccountWork
from backend.store import unit_of_work

KIND = CHECK_SUPPLY
Payload = AccountWork


async def run(ctx: Context, payload: AccountWork) -> Done:
    async def work() -> None:
        account = await lock_account(payload.account_id)
        await decide_account(ctx, account, cause="time")

    await unit_of_work(work, "check_supply")
    return Done()

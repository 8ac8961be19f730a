"""What a decision about a register in doubt would come to (待核示数试算). Nothing is written."""

from datetime import datetime

from msgspec import Struct

from backend.context import Context
from backend.domain.balances import estimate
from backend.models.accounts import Account
from backend.models.meters import DecisionKind, MeterState
from backend.services.control_supply import own_meter
from backend.services.decide_register import Decision
from common.units import NANOYUAN_PER_FEN, Fen, Nanoyuan

_HALF_A_FEN = NANOYUAN_PER_FEN // 2


class Weighed(Struct, frozen=True, kw_only=True):
    """energy_wh, cost_fen: charged by the decision, primary side; the cost is rounded for showing.

    Balances are estimates, None without an account. left_in_doubt: a later register still waits afterwards.
    arrears_after: the account is at or below its overdraft then, and its way to a trip begins or goes on.
    """

    kind: DecisionKind
    energy_wh: int
    cost_fen: int
    before_fen: int | None
    after_fen: int | None
    arrears_after: bool
    in_arrears: bool
    left_in_doubt: bool


async def weigh_register(
    ctx: Context, meter_id: int, read_at: datetime, *, accept: bool, priced_at: datetime | None = None
) -> Weighed:
    """Work out a decision as it would be made now. Errors: those of `decide_register`."""
    meter = await own_meter(ctx, meter_id)
    state = await MeterState.get(meter_id=meter.id)
    account = await Account.get(id=meter.account_id) if meter.account_id is not None else None
    accrued = 0 if account is None else await _accrued(account)
    kind = DecisionKind.ACCEPTED if accept else DecisionKind.REJECTED
    decision = Decision(ctx, meter, account, state)
    await decision.weigh(read_at, kind, priced_at)
    before = _estimate(account, accrued)
    after = _estimate(account, accrued + decision.cost_nano)
    return Weighed(
        kind=kind,
        energy_wh=decision.energy_wh,
        cost_fen=(decision.cost_nano + _HALF_A_FEN) // NANOYUAN_PER_FEN,
        before_fen=before,
        after_fen=after,
        arrears_after=account is not None and after is not None and after <= -account.overdraft_fen,
        in_arrears=account is not None and account.in_arrears,
        left_in_doubt=state.quarantined_at is not None,
    )


async def _accrued(account: Account) -> int:
    return sum([row.accrued_nano for row in await MeterState.filter(account_id=account.id)])


def _estimate(account: Account | None, accrued_nano: int) -> Fen | None:
    if account is None:
        return None
    settled, carried = Fen(account.settled_fen), Nanoyuan(account.carried_nano)
    return estimate(settled, carried, Nanoyuan(accrued_nano))

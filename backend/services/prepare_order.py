"""Make an order known to the payment channel (下单): the second step, outside of any transaction."""

from typing import Any

from backend.context import Context
from backend.errors import ChannelRefused
from backend.models.payments import Scene, TopUp, TopUpState
from backend.payments.port import OrderAlreadyPaid, OrderClosed
from backend.services.work import query_payment
from backend.store import unit_of_work
from common.units import Fen

DESCRIPTION = "商铺电费充值"


async def prepare_order(ctx: Context, top_up: TopUp) -> None:
    """Ask the channel for what the payer needs, and remember the answer; safe to repeat.

    Errors: ChannelUnsure (ask again), OrderClosed, ChannelRefused (the order is REFUSED then).
    """
    try:
        answer = await _ask(ctx, top_up)
    except OrderAlreadyPaid:
        await unit_of_work(lambda: query_payment(ctx, top_up.id, ctx.clock.now()), "top_up_paid_before")
        return
    except (OrderClosed, ChannelRefused) as error:
        code = str(error.facts.get("channel_code", error.code))
        await unit_of_work(lambda: _refused(top_up.id, code), "top_up_refused")
        raise
    await unit_of_work(lambda: _prepared(top_up.id, answer), "top_up_prepared")
    top_up.state = TopUpState.PREPARED
    top_up.update_from_dict(answer)


async def _ask(ctx: Context, top_up: TopUp) -> dict[str, Any]:
    amount_fen = Fen(top_up.amount_fen)
    if top_up.scene is Scene.NATIVE:
        return {
            "code_url": await ctx.payments.prepare_native(
                top_up.order_no, amount_fen, top_up.expires_at, DESCRIPTION
            )
        }
    return {
        "prepay_id": await ctx.payments.prepare(
            top_up.order_no, amount_fen, top_up.openid, top_up.expires_at, DESCRIPTION
        )
    }


async def _prepared(top_up_id: int, answer: dict[str, Any]) -> None:
    # Only a step forward: the callback may have been faster than this answer.
    await TopUp.filter(id=top_up_id, state=TopUpState.CREATED).update(state=TopUpState.PREPARED, **answer)


async def _refused(top_up_id: int, code: str) -> None:
    await TopUp.filter(id=top_up_id, state=TopUpState.CREATED).update(
        state=TopUpState.REFUSED, refused_code=code[:64]
    )

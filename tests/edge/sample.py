"""Operations of a small invented mall, declared as the product's are, in their own registry."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from backend.context import Caller, CallerKind, Context
from backend.errors import Bug, Refused, TooMany
from backend.routing import (
    EventStream,
    Operation,
    Raw,
    Registry,
    Reply,
    created,
    event_text,
    no_content,
    ok,
)
from common.units import Fen

sample_registry = Registry()
get, post = sample_registry.get, sample_registry.post
put, delete = sample_registry.put, sample_registry.delete


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


class AccountView(Struct, frozen=True, kw_only=True):
    """One shop's account (户)."""

    account_id: str
    settled_fen: int
    note: str | None = None


class ListView(Struct, frozen=True, kw_only=True):
    limit: int
    order: Order
    floors: list[str]
    only_arrears: bool


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    amount_fen: Annotated[Fen, Meta(gt=0, le=2_000_000)]
    request_id: UUID
    account_id: str = "from the body"


class TopUpView(Struct, frozen=True, kw_only=True):
    account_id: str
    account_id_of_body: str
    amount_fen: int
    actor: str
    client_ip: str


class BalanceTooLow(Refused):
    code = "balance_too_low"
    message = "余额不足：可退 {available_fen}"


@get("/api/v1/tenant/accounts/{account_id}", permission="tenant.view")
async def show_account(ctx: Context, account_id: int) -> Reply[AccountView]:
    """Show one account."""
    return ok(AccountView(account_id=str(account_id), settled_fen=-1))


@get("/api/v1/tenant/accounts", permission="tenant")
async def list_accounts(
    ctx: Context,
    limit: Annotated[int, Meta(ge=1, le=100)] = 20,
    order: Order = Order.NEWEST,
    floor: list[str] | None = None,
    only_arrears: bool = False,
) -> Reply[ListView]:
    return ok(ListView(limit=limit, order=order, floors=floor or [], only_arrears=only_arrears))


@post("/api/v1/tenant/accounts/{account_id}/top-ups", permission="tenant.top_up", idempotent="request_id")
async def begin_top_up(ctx: Context, account_id: str, body: Body) -> Reply[TopUpView]:
    """Begin a top-up (充值)."""
    view = TopUpView(
        account_id=account_id,
        account_id_of_body=body.account_id,
        amount_fen=body.amount_fen,
        actor=ctx.caller.actor,
        client_ip=ctx.client_ip,
    )
    return created(view, ("Location", f"/top-ups/{body.request_id}"))


@post("/api/v1/tenant/refunds", permission="tenant")
async def refund(ctx: Context) -> Reply[None]:
    raise BalanceTooLow(available_fen=1_234)


@post("/api/v1/staff/sign-in", permission="public")
async def sign_in(ctx: Context) -> Reply[None]:
    return no_content(("Set-Cookie", "a=1; HttpOnly"), ("Set-Cookie", "b=2; HttpOnly"))


@post("/api/v1/staff/meters/{meter_id}/trips", permission="staff.trip")
async def trip(ctx: Context, meter_id: str) -> Reply[None]:
    return no_content()


@put("/api/v1/collector/readings", permission="collector", body_limit=4 << 20)
async def push_readings(ctx: Context, body: list[int]) -> Reply[int]:
    return ok(len(body))


@post("/api/v1/callbacks/pay", permission="public")
async def callback(ctx: Context) -> Raw:
    """Take a callback: the bytes as they came."""
    return Raw(ctx.body[::-1], "application/octet-stream")


@delete("/api/v1/tenant/bindings", permission="tenant")
async def unbind(ctx: Context) -> Reply[None]:
    raise TooMany(retry_after_s=90)


@get("/api/v1/public/broken", permission="public")
async def broken(ctx: Context) -> Reply[None]:
    raise Bug("the books of shop 7 do not balance")


@get("/api/v1/public/slow", permission="public")
async def slow(ctx: Context, seconds: float = 0.3) -> Reply[str]:
    await asyncio.sleep(seconds)
    return ok("done")


stream_ends: list[str] = []


@get("/api/v1/public/stream", permission="public")
async def stream(ctx: Context, events: int = 3, pause_s: float = 0.0) -> EventStream:
    """Send some numbered events."""

    async def numbered() -> AsyncIterator[str]:
        try:
            for number in range(events):
                yield event_text({"number": number}, event="count", id_=str(number))
                await asyncio.sleep(pause_s)
        finally:
            stream_ends.append(ctx.request_id)

    return EventStream(numbered())


@get("/api/v1/public/long", permission="public")
async def show_long(ctx: Context, characters: int, tag: bool = False) -> Reply[str]:
    """Return so many characters."""
    return ok("电" * characters, *((("ETag", '"1"'),) if tag else ()))


@get("/api/v1/public/process", permission="public")
async def show_process(ctx: Context) -> Reply[int]:
    """Tell which process answers."""
    return ok(os.getpid())


@get("/api/v1/public/stream-breaks", permission="public")
async def stream_breaks(ctx: Context) -> EventStream:
    """Send one event, then find a fault."""

    async def one() -> AsyncIterator[str]:
        yield event_text({"number": 0})
        raise Bug("the books of shop 7 do not balance")

    return EventStream(one())


CALLERS = {
    "tenant": Caller(CallerKind.TENANT, 7, permissions=frozenset({"tenant.view", "tenant.top_up"})),
    "guest": Caller(CallerKind.TENANT, 8, permissions=frozenset({"tenant.view"})),
    "electrician": Caller(CallerKind.STAFF, 9, permissions=frozenset({"staff.trip"})),
    "collector": Caller(CallerKind.COLLECTOR, 10),
}


async def authenticate(ctx: Context, headers: Mapping[str, str], operation: Operation) -> Caller:
    """Know callers by the name in their token."""
    return CALLERS.get(headers.get("authorization", "").removeprefix("Bearer "), Caller())

"""Two malls behind the real edge, with somebody of every kind who can sign in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyotp
import pytest

from backend.context import CallerKind
from backend.edge import Edge
from backend.exchange import Answer, Request
from backend.models.people import Role, Staff, StaffRole
from backend.routing import Operation, load_handlers
from backend.services.audit import left_record
from backend.services.authenticate import COOKIE, authenticate, csrf_of, hash_token, open_session
from backend.services.credentials import seal_secret
from backend.services.permissions import SEEDED_ROLES, seed_roles
from backend.store import unit_of_work
from tests.services.mall import SmallMall, small_mall
from tests.services.site import site_text

ROLES = tuple(role.code for role in SEEDED_ROLES)
CALLERS = (*ROLES, "tenant", "collector", "nobody")
COLLECTOR_TOKEN = "collector-token"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
UNREADABLE = b'{"'

Headers = Mapping[str, str]


@dataclass
class Guarded:
    """A mall, its neighbour, and the one way in."""

    mall: SmallMall
    foreign: SmallMall
    edge: Edge
    staff: dict[str, int] = field(default_factory=dict)

    async def hire(self, role: str, name: str = "") -> int:
        """Return a member of the staff with one role, hired at the first asking."""
        name = name or role
        if name not in self.staff:
            ctx, number = self.mall.ctx, self.mall.ctx.ids.new()
            sealed = seal_secret(ctx.settings.secret_key, number, TOTP_SECRET, ctx.random)
            await Staff.create(
                id=number,
                site_id=self.mall.site_id,
                username=name,
                name=name,
                password_hash="x",
                totp_secret=sealed,
            )
            found = await Role.get(site_id=self.mall.site_id, code=role)
            await StaffRole.create(id=ctx.ids.new(), staff_id=number, role_id=found.id)
            self.staff[name] = number
        return self.staff[name]

    async def sign_in(self, caller: str, name: str = "") -> Headers:
        """Return the credential of a caller: a role, "tenant", "collector" or "nobody"."""
        ctx = self.mall.ctx
        if caller == "nobody":
            return {}
        if caller == "collector":
            return {"authorization": f"Bearer {COLLECTOR_TOKEN}"}
        if caller == "tenant":
            tenant = (await self.mall.as_tenant()).caller
            token = await unit_of_work(lambda: open_session(ctx, CallerKind.TENANT, tenant.id))
            return {"authorization": f"Bearer {token}"}
        number = await self.hire(caller, name)
        token = await unit_of_work(lambda: open_session(ctx, CallerKind.STAFF, number))
        return {"cookie": f"{COOKIE}={token}", "x-csrf-token": csrf_of(ctx, token)}

    def totp(self) -> str:
        """A one-time password that was not used yet: each asking moves the clock to the next step."""
        self.mall.clock.advance(30)
        return pyotp.TOTP(TOTP_SECRET).at(self.mall.clock.now())

    async def call(
        self,
        operation: Operation,
        headers: Headers,
        *,
        path: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Answer:
        """Call an operation on its own listener. A path value that is not given names nothing."""
        names = [part[1:-1] for part in operation.segments if part.startswith("{")]
        values = dict.fromkeys(names, "1") | {key: str(value) for key, value in (path or {}).items()}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await self.edge.call(
            Request(
                operation.method,
                operation.path.format(**values),
                {key: (value,) for key, value in (query or {}).items()},
                {"content-type": "application/json", **headers},
                raw,
                "10.0.0.9",
                operation.listener,
            )
        )


async def close(answer: Answer) -> None:
    """End a stream that was only knocked at."""
    if answer.stream is not None:
        await answer.stream.aclose()  # type: ignore[attr-defined]


OPERATIONS = {one.name: one for one in load_handlers()}
GUARDED = sorted(name for name, one in OPERATIONS.items() if one.kind is not CallerKind.PUBLIC)


@pytest.fixture
async def guarded(store: str, tmp_path: Path) -> Guarded:
    mall = await small_mall(tmp_path)
    text = site_text(1).replace('code = "test"', 'code = "other"').replace("A001", "Z001")
    foreign = await small_mall(tmp_path, text=text, collector="c2", node=2)
    mall.collector.token_hash = hash_token(COLLECTOR_TOKEN)
    await mall.collector.save()
    await seed_roles(mall.ctx, mall.site_id)
    edge = Edge(
        mall.ctx,
        authenticate,
        operations=OPERATIONS.values(),
        audit_check=lambda ctx, operation: left_record(ctx),
    )
    return Guarded(mall, replace(foreign, clock=mall.clock), edge)

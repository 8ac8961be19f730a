"""What a handler, a service or a job is handed: everything outside of it (上下文)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random, SystemRandom

from backend.errors import Forbidden, SignInNeeded
from backend.messages.gateway import MessageGateway
from backend.payments.port import PaymentChannel
from backend.settings import Settings
from backend.wakes import Wakes
from common.clock import Clock
from common.ids import Ids


class CallerKind(StrEnum):
    PUBLIC = "public"  # Nobody has signed in.
    TENANT = "tenant"
    STAFF = "staff"
    COLLECTOR = "collector"
    SYSTEM = "system"  # A job, a command or the engine itself.


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `permissions` are read again from SQL with every call, so a re-cut role holds at once."""

    kind: CallerKind = CallerKind.PUBLIC
    id: int = 0  # Staff, tenant or collector.
    site_id: int = 0
    name: str = ""
    permissions: frozenset[str] = frozenset()
    openid: str = ""
    session_id: int = 0

    @property
    def actor(self) -> str:
        """Return the caller as the audit log writes it, e.g. "staff:42"."""
        return f"{self.kind.value}:{self.id}" if self.id else self.kind.value


SYSTEM = Caller(CallerKind.SYSTEM, permissions=frozenset({"system"}))


@dataclass(frozen=True, slots=True)
class Context:
    """One call's surroundings. Made new for each call from the process's own (`for_call`)."""

    clock: Clock
    ids: Ids
    settings: Settings
    payments: PaymentChannel
    messages: MessageGateway
    wakes: Wakes
    caller: Caller = SYSTEM
    request_id: str = ""
    client_ip: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # Names in lower case.
    body: bytes = b""  # Raw, for callbacks: their signature covers the bytes.
    random: Random = field(default_factory=SystemRandom)

    def for_call(
        self, caller: Caller, request_id: str, client_ip: str, headers: Mapping[str, str], body: bytes
    ) -> "Context":
        return replace(
            self, caller=caller, request_id=request_id, client_ip=client_ip, headers=headers, body=body
        )

    def need(self, permission: str) -> None:
        """Raise unless the caller has a permission: SignInNeeded for nobody, Forbidden otherwise."""
        if permission not in self.caller.permissions:
            raise SignInNeeded() if self.caller.kind is CallerKind.PUBLIC else Forbidden()

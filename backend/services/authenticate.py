"""Who calls (身份认证): a tenant's or a collector's token, or a staff session's cookie.

Only hashes of tokens are kept. Rights are read from SQL with every call: one query, and a re-cut role,
a disabled person or a revoked session holds at once.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol

from backend.context import Caller, CallerKind, Context
from backend.errors import Forbidden, SignInNeeded
from backend.models.people import Session
from backend.services.permissions import TENANT_PERMISSIONS, effective, read_permissions
from backend.store import rows, run, some_utc, sql_time, unit_of_work, utc

COOKIE = "prewatt_session"
CSRF_HEADER = "x-csrf-token"
TENANT_SESSION = timedelta(days=30)
STAFF_SESSION = timedelta(hours=12)
STAFF_IDLE = timedelta(hours=2)
# A session in use is written at most this often: its end is moved on, never past STAFF_SESSION.
TOUCH_EVERY = timedelta(minutes=5)
_TOKEN_BITS = 256
_MOST_TOKEN_CHARACTERS = 256

_TENANT_SQL = """
SELECT s.id, s.subject_id, s.expires_at, t.openid FROM session s JOIN tenant t ON t.id = s.subject_id
WHERE s.token_hash = ? AND s.kind = 'tenant' AND s.revoked_at IS NULL"""

_STAFF_SQL = """
SELECT s.id, s.subject_id, s.csrf_hash, s.made_at, s.expires_at, f.site_id, f.name, f.disabled_at,
       r.permissions
FROM session s JOIN staff f ON f.id = s.subject_id
LEFT JOIN staff_role sr ON sr.staff_id = f.id LEFT JOIN role r ON r.id = sr.role_id
WHERE {} = ? AND s.kind = 'staff' AND s.revoked_at IS NULL"""

_COLLECTOR_SQL = """
SELECT id, site_id, name FROM collector WHERE token_hash = ? OR next_token_hash = ?"""


class SessionEnded(SignInNeeded):
    """The token is unknown, revoked or too old."""

    code = "session_ended"
    message = "登录已过期，请重新登录"


class CsrfRefused(Forbidden):
    """A write came without the page's own token: another site may have sent it."""

    code = "csrf_refused"
    message = "页面已过期，请刷新后重试"


class Wanted(Protocol):
    """What of an operation decides about credentials."""

    @property
    def method(self) -> str: ...

    @property
    def kind(self) -> CallerKind: ...


def hash_token(token: str) -> str:
    """Return what is kept of a token: SHA-256 in hex. Enough, since a token has 256 random bits."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def csrf_of(ctx: Context, token: str) -> str:
    """Return the page's token for a staff session. Made from the cookie, so a reloaded page gets it again."""
    return hmac.new(ctx.settings.secret_key, f"csrf:{token}".encode(), hashlib.sha256).hexdigest()


def session_token(headers: Mapping[str, str]) -> str:
    """Return the staff session's token from the cookie; empty without one."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None and len(morsel.value) <= _MOST_TOKEN_CHARACTERS else ""


def session_cookie(ctx: Context, token: str) -> tuple[str, str]:
    """Return the header that keeps a staff session in the browser; an empty token removes it."""
    age_s = int(STAFF_SESSION.total_seconds()) if token else 0
    # A demo answers on loopback alone, without https.
    secure = "" if ctx.settings.demo else "; Secure"
    return "Set-Cookie", f"{COOKIE}={token}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}"


async def authenticate(ctx: Context, headers: Mapping[str, str], wanted: Wanted) -> Caller:
    """Return who calls, with the rights of this moment; `Caller()` without any credential.

    headers: names in lower case. Only the credential that the operation asks for is looked at.
    Errors: SessionEnded (no such session or token), CsrfRefused (a write from somewhere else).
    """
    match wanted.kind:
        case CallerKind.TENANT:
            return await _tenant(ctx, _bearer(headers))
        case CallerKind.STAFF:
            return await _staff(ctx, headers, is_write=wanted.method not in {"GET", "HEAD"})
        case CallerKind.COLLECTOR:
            return await _collector(_bearer(headers))
        case _:
            return Caller()


async def standing_rights(ctx: Context) -> frozenset[str] | None:
    """Return what the calling member of the staff may do now; None once the session has ended.

    For an open stream (SSE), which asks every 5 s. Does not keep an idle session alive.
    """
    found = await rows(_STAFF_SQL.format("s.id"), [ctx.caller.session_id])
    return _rights(found) if found and _stands(found[0], ctx.clock.now()) else None


async def open_session(ctx: Context, kind: CallerKind, subject_id: int) -> str:
    """Open a session in the caller's unit of work and return its token, which is kept nowhere."""
    token = ctx.ids.token(_TOKEN_BITS)
    now = ctx.clock.now()
    is_staff = kind is CallerKind.STAFF
    await Session.create(
        id=ctx.ids.new(),
        kind=kind.value,
        subject_id=subject_id,
        token_hash=hash_token(token),
        csrf_hash=hash_token(csrf_of(ctx, token)) if is_staff else "",
        made_at=now,
        expires_at=now + (STAFF_IDLE if is_staff else TENANT_SESSION),
    )
    return token


async def revoke_session(ctx: Context, session_id: int) -> None:
    """End one session, in the caller's unit of work; harmless when repeated."""
    await Session.filter(id=session_id, revoked_at=None).update(revoked_at=ctx.clock.now())


async def revoke_sessions(ctx: Context, kind: CallerKind, subject_id: int) -> int:
    """End all sessions of a person, in the caller's unit of work; return how many were open."""
    return await Session.filter(kind=kind.value, subject_id=subject_id, revoked_at=None).update(
        revoked_at=ctx.clock.now()
    )


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and len(token) <= _MOST_TOKEN_CHARACTERS else ""


async def _tenant(ctx: Context, token: str) -> Caller:
    if not token:
        return Caller()
    found = await rows(_TENANT_SQL, [hash_token(token)])
    if not found or some_utc(found[0]["expires_at"]) <= ctx.clock.now():
        raise SessionEnded()
    row = found[0]
    return Caller(
        kind=CallerKind.TENANT,
        id=int(row["subject_id"]),
        permissions=TENANT_PERMISSIONS,
        openid=row["openid"],
        session_id=int(row["id"]),
    )


async def _staff(ctx: Context, headers: Mapping[str, str], *, is_write: bool) -> Caller:
    token = session_token(headers)
    if not token:
        return Caller()
    found = await rows(_STAFF_SQL.format("s.token_hash"), [hash_token(token)])
    now = ctx.clock.now()
    if not found or not _stands(found[0], now):
        raise SessionEnded()
    row = found[0]
    given = hash_token(headers.get(CSRF_HEADER, ""))
    if is_write and not hmac.compare_digest(given, row["csrf_hash"]):
        raise CsrfRefused()
    await _touch(int(row["id"]), some_utc(row["made_at"]), some_utc(row["expires_at"]), now)
    return Caller(
        kind=CallerKind.STAFF,
        id=int(row["subject_id"]),
        site_id=int(row["site_id"]),
        name=row["name"],
        permissions=_rights(found),
        session_id=int(row["id"]),
    )


async def _collector(token: str) -> Caller:
    if not token:
        return Caller()
    hashed = hash_token(token)
    found = await rows(_COLLECTOR_SQL, [hashed, hashed])
    if not found:
        raise SessionEnded()
    return Caller(
        kind=CallerKind.COLLECTOR,
        id=int(found[0]["id"]),
        site_id=int(found[0]["site_id"]),
        name=found[0]["name"],
        permissions=frozenset({"collector"}),
    )


def _stands(row: Mapping[str, Any], now: datetime) -> bool:
    return utc(row["disabled_at"]) is None and some_utc(row["expires_at"]) > now


def _rights(found: list[dict[str, Any]]) -> frozenset[str]:
    return effective(name for row in found for name in read_permissions(row["permissions"] or "[]"))


async def _touch(session_id: int, made_at: datetime, expires_at: datetime, now: datetime) -> None:
    """Move a session's idle end on. Two requests at once write the same; the later end stays."""
    end = min(now + STAFF_IDLE, made_at + STAFF_SESSION)
    if end - expires_at < TOUCH_EVERY and not (end == made_at + STAFF_SESSION and end > expires_at):
        return

    async def work() -> None:
        await run(
            "UPDATE session SET expires_at = ? WHERE id = ? AND expires_at < ?",
            [sql_time(end), session_id, sql_time(end)],
        )

    await unit_of_work(work, "touch_session")

"""Access tokens of the simulated WeChat API (接口调用凭据): the stable call and the classic one."""

import random
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIFE = timedelta(seconds=7200)
OVERLAP = timedelta(minutes=5)
FORCED_A_DAY = 20
FORCED_EVERY = timedelta(seconds=30)
_TEXT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_TOKEN_CHARS = 136


class ApiError(Exception):
    """The API says no: errcode and errmsg; the HTTP status stays 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


@dataclass
class _Grant:
    token: str
    ends_at: datetime


@dataclass
class _App:
    stable: list[_Grant] = field(default_factory=list)  # Newest last; the older ones run out.
    classic: list[_Grant] = field(default_factory=list)
    forced: deque[datetime] = field(default_factory=deque)


class Tokens:
    """Tokens of all apps. Stable and classic ones do not touch each other."""

    def __init__(self, random_: random.Random) -> None:
        self._random = random_
        self._apps: dict[str, _App] = {}
        self.granted = 0  # How many new tokens were given: a client without a lock shows here.

    def stable(self, appid: str, now: datetime, force: bool) -> tuple[str, int]:
        """Return the token and its seconds left. In normal mode it stays until five minutes before its end.

        Raises ApiError when force is used more than 20 times a day or twice within 30 s.
        """
        app = self._apps.setdefault(appid, _App())
        if force:
            self._count_force(app, now)
            app.stable = []  # The token that was forced out is dead at once.
        newest = app.stable[-1] if app.stable else None
        if newest is None or newest.ends_at - now <= OVERLAP:
            newest = self._new(now)
            app.stable = [*app.stable[-1:], newest]
        return newest.token, int((newest.ends_at - now).total_seconds())

    def classic(self, appid: str, now: datetime) -> tuple[str, int]:
        """Return a new token; the one before lives five minutes more, those before it are dead."""
        app = self._apps.setdefault(appid, _App())
        if app.classic:
            app.classic[-1].ends_at = min(app.classic[-1].ends_at, now + OVERLAP)
        app.classic = [*app.classic[-1:], self._new(now)]
        return app.classic[-1].token, int(LIFE.total_seconds())

    def app_of(self, token: str, now: datetime) -> str:
        """Return the appid that a token belongs to. Raises ApiError 41001, 40001 or 42001."""
        if not token:
            raise ApiError(41001, "access_token missing")
        for appid, app in self._apps.items():
            for grant in (*app.stable, *app.classic):
                if grant.token == token:
                    if grant.ends_at <= now:
                        raise ApiError(42001, "access_token expired")
                    return appid
        raise ApiError(40001, "invalid credential, access_token is invalid or not latest")

    def revoke(self, appid: str) -> None:
        """Make every token of an app invalid, as another program's forced refresh does."""
        self._apps.pop(appid, None)

    def _count_force(self, app: _App, now: datetime) -> None:
        while app.forced and now - app.forced[0] >= timedelta(days=1):
            app.forced.popleft()
        if app.forced and now - app.forced[-1] < FORCED_EVERY:
            raise ApiError(45011, "api minute-quota reach limit, must slower, retry next minute")
        if len(app.forced) >= FORCED_A_DAY:
            raise ApiError(45009, "reach max api daily quota limit")
        app.forced.append(now)

    def _new(self, now: datetime) -> _Grant:
        self.granted += 1
        return _Grant("".join(self._random.choice(_TEXT) for _ in range(_TOKEN_CHARS)), now + LIFE)

"""Digits in a picture (图形验证码): asked of an address that failed to sign in three times.

By address alone, never by name: a question that only real names get would tell who works here. A picture
is used once, whatever was typed; nothing but the hash of its answer is kept.
"""

import base64
import hashlib
import hmac
from datetime import timedelta

from msgspec import Struct

from backend.context import Context
from backend.domain.captcha_drawing import DIGITS, HEIGHT, WIDTH, draw
from backend.errors import Invalid, TooMany
from backend.models.audit import AuditRecord
from backend.models.people import Captcha
from backend.services.rate_limits import SIGN_IN_PER_ADDRESS
from backend.store import run, sql_time, unit_of_work

FAILURES_TO_ASK = 3
LENGTH = 5
STANDS_FOR = timedelta(minutes=5)
_MOST_A_MINUTE = 20  # For one address.
_KEPT_FOR = timedelta(hours=1)
_MORE_THAN_ANY_ID = 1 << 63


class CaptchaNeeded(Invalid):
    """This address has failed a few times."""

    code = "captcha_needed"
    message = "请输入图形验证码"

    def __init__(self) -> None:
        super().__init__(fields={"captcha": self.message})


class CaptchaWrong(Invalid):
    """Not what the picture shows, too old, or used before."""

    code = "captcha_wrong"
    message = "图形验证码不正确或已过期，请看新的一张"

    def __init__(self) -> None:
        super().__init__(fields={"captcha": self.message})


class CaptchaView(Struct, frozen=True, kw_only=True):
    captcha_id: str
    image: str  # "data:image/png;base64,…"
    width: int
    height: int


async def is_captcha_needed(ctx: Context) -> bool:
    """Say whether the calling address has to read a picture before it signs in."""
    since = ctx.clock.now() - SIGN_IN_PER_ADDRESS.within
    failed = AuditRecord.filter(
        operation=SIGN_IN_PER_ADDRESS.operation, client_ip=ctx.client_ip, at__gt=since
    ).limit(FAILURES_TO_ASK)
    return len(await failed) >= FAILURES_TO_ASK


async def make_captcha(ctx: Context) -> CaptchaView:
    """Draw a new picture (换一张). Errors: TooMany."""
    text = "".join(ctx.random.choice(DIGITS) for _ in range(LENGTH))
    now = ctx.clock.now()

    async def work() -> int:
        await run("DELETE FROM captcha WHERE made_at < ?", [sql_time(now - _KEPT_FOR)])
        recent = Captcha.filter(client_ip=ctx.client_ip, made_at__gt=now - timedelta(minutes=1))
        if await recent.count() >= _MOST_A_MINUTE:
            raise TooMany(retry_after_s=60)
        number = ctx.ids.new()
        await Captcha.create(
            id=number, answer_hash=_hash(ctx, number, text), client_ip=ctx.client_ip, made_at=now
        )
        return number

    number = await unit_of_work(work, "make_captcha")
    image = base64.b64encode(draw(text, ctx.random.uniform)).decode()
    return CaptchaView(
        captcha_id=str(number), image=f"data:image/png;base64,{image}", width=WIDTH, height=HEIGHT
    )


async def need_captcha(ctx: Context, captcha_id: str, answer: str) -> bool:
    """Use a picture up where one is needed, and say whether it was. Errors: CaptchaNeeded, CaptchaWrong."""
    if not await is_captcha_needed(ctx):
        return False
    if not captcha_id or not answer:
        raise CaptchaNeeded()
    if not await unit_of_work(lambda: _use(ctx, captcha_id, answer), "use_captcha"):
        raise CaptchaWrong()
    return True


async def give_back(ctx: Context, captcha_id: str, answer: str) -> None:
    """Let a picture stand once more, in the caller's unit of work: only a one-time password was missing."""
    number = int(captcha_id)
    await Captcha.create(
        id=number,
        answer_hash=_hash(ctx, number, answer),
        client_ip=ctx.client_ip,
        made_at=ctx.clock.now(),
    )


async def _use(ctx: Context, captcha_id: str, answer: str) -> bool:
    if not (captcha_id.isascii() and captcha_id.isdigit() and int(captcha_id[:20]) < _MORE_THAN_ANY_ID):
        return False
    captcha = await Captcha.filter(id=int(captcha_id)).select_for_update().first()
    # Of two uses at once only one deletes the row.
    if captcha is None or not await run("DELETE FROM captcha WHERE id = ?", [captcha.id]):
        return False
    is_fresh = ctx.clock.now() - captcha.made_at < STANDS_FOR
    is_right = hmac.compare_digest(captcha.answer_hash, _hash(ctx, int(captcha_id), answer))
    return is_right and is_fresh and captcha.client_ip == ctx.client_ip


def _hash(ctx: Context, number: int, answer: str) -> str:
    text = f"captcha:{number}:{answer.strip()}".encode()
    return hmac.new(ctx.settings.secret_key, text, hashlib.sha256).hexdigest()

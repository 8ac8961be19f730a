"""Prove that a phone is the person's (核实联系人): six digits by SMS, ten minutes, five tries.

The code is kept as a keyed hash alone. Sending is counted in SQL: per phone, per member of the staff.
"""

import hashlib
import hmac
import re
import unicodedata
from datetime import datetime, timedelta

from msgspec import Struct

from backend.context import Context
from backend.errors import Invalid, NotFound, Refused, TooMany
from backend.messages.port import ChannelName, Message, NoticeLevel, SendResult, SendState
from backend.messages.templates import code_values
from backend.metrics import count_message
from backend.models.openings import ContactCheck
from backend.models.site import Site
from backend.services.audit import record
from backend.store import unit_of_work

CODE_STANDS_FOR = timedelta(minutes=10)
MOST_TRIES = 5
PROOF_STANDS_FOR = timedelta(hours=24)  # So long a checked phone may wait in a wizard.
_DIGITS = 6
_PAUSE = timedelta(seconds=60)
_PER_PHONE, _PER_PERSON = (5, timedelta(hours=1)), (30, timedelta(hours=1))
_MOBILE = re.compile(r"^1[3-9]\d{9}$")
_PUNCTUATION = str.maketrans("", "", " -()")
CHECKED = "staff.contact_check"
SMS = ChannelName.SMS.value


class CodeTried(Refused):
    """The check has come to its end: another code is needed."""

    code = "contact_check_over"
    message = "验证码已失效（10 分钟内有效，最多输错 5 次），请重新发送"


class ContactCheckView(Struct, frozen=True, kw_only=True):
    """One check. sent: "accepted" is on its way, "unknown" may be, "failed" is not."""

    check_id: str
    phone: str
    sent: str
    expires_at: datetime
    tries_left: int
    verified_at: datetime | None


def mobile(text: str) -> str | None:
    """Return the eleven digits of a mainland mobile number, however typed; None for no such number."""
    plain = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION).removeprefix("+86")
    if len(plain) == 13:
        plain = plain.removeprefix("86")
    return plain if plain.isascii() and _MOBILE.match(plain) else None


async def send_code(ctx: Context, phone: str) -> ContactCheckView:
    """Send a code to a phone (发送验证码). Errors: Invalid (no mobile number), TooMany."""
    number = mobile(phone)
    if number is None:
        raise Invalid(fields={"phone": "请填写 11 位手机号"})
    code = "".join(str(ctx.random.randrange(10)) for _ in range(_DIGITS))
    check = await unit_of_work(lambda: _remember(ctx, number, code), "send_code")
    result = await _hand_over(ctx, check, code)
    count_message(SMS, result.state.value)

    async def keep() -> None:
        check.sent, check.sent_code = result.state.value, result.code[:64]
        await check.save(update_fields=["sent", "sent_code"])

    await unit_of_work(keep, "code_sent")
    return _view(check)


async def try_code(ctx: Context, check_id: int, code: str) -> ContactCheckView:
    """Compare what the person read out (校验验证码). A right code again is harmless.

    Errors: NotFound, CodeTried, Invalid (a wrong code; the try is counted).
    """

    async def work() -> ContactCheck | Refused | Invalid:
        check = await ContactCheck.filter(id=check_id).select_for_update().first()
        if check is None or check.site_id != ctx.caller.site_id:
            raise NotFound()
        if check.verified_at is not None:
            await record(ctx, CHECKED, f"contact_check:{check.id}", facts={"repeated": True})
            return check
        now = ctx.clock.now()
        if check.tries >= MOST_TRIES or check.expires_at <= now:
            return CodeTried()
        check.tries += 1
        digits = "".join(one for one in code if one.isdigit())
        if hmac.compare_digest(_hash(ctx, check.id, digits), check.code_hash):
            check.verified_at = now
        await check.save(update_fields=["tries", "verified_at"])
        is_right = check.verified_at is not None
        facts = {"phone": masked(check.phone), "right": is_right, "tries": check.tries}
        await record(ctx, CHECKED, f"contact_check:{check.id}", facts=facts)
        left = MOST_TRIES - check.tries
        if is_right:
            return check
        return Invalid(fields={"code": f"验证码不正确，还可再试 {left} 次"}) if left else CodeTried()

    result = await unit_of_work(work, "try_code")
    if isinstance(result, Exception):
        raise result
    return _view(result)


async def is_proved(ctx: Context, check_id: int, phone: str) -> bool:
    """Tell whether a check of the caller's site proves this phone, today."""
    check = await ContactCheck.get_or_none(id=check_id, site_id=ctx.caller.site_id, phone=phone)
    if check is None or check.verified_at is None:
        return False
    return ctx.clock.now() - check.verified_at < PROOF_STANDS_FOR


def masked(phone: str) -> str:
    """Write a phone as a log or a sheet may show it: 139****0001."""
    return f"{phone[:3]}****{phone[-4:]}"


async def _remember(ctx: Context, phone: str, code: str) -> ContactCheck:
    # The site's row first: two wishes for one phone at once are counted one after the other.
    await Site.filter(id=ctx.caller.site_id).select_for_update().get()
    now = ctx.clock.now()
    await _need_room(now, _PER_PHONE, phone=phone)
    await _need_room(now, _PER_PERSON, asked_by=ctx.caller.id)
    newest = await ContactCheck.filter(phone=phone).order_by("-asked_at").first()
    if newest is not None and now - newest.asked_at < _PAUSE:
        raise TooMany(retry_after_s=int((newest.asked_at + _PAUSE - now).total_seconds()) + 1)
    number = ctx.ids.new()
    check = await ContactCheck.create(
        id=number,
        site_id=ctx.caller.site_id,
        phone=phone,
        code_hash=_hash(ctx, number, code),
        asked_by=ctx.caller.id,
        asked_at=now,
        expires_at=now + CODE_STANDS_FOR,
    )
    await record(ctx, "staff.contact_code", f"contact_check:{number}", facts={"phone": masked(phone)})
    return check


async def _need_room(now: datetime, limit: tuple[int, timedelta], **whose: object) -> None:
    most, within = limit
    sent = await ContactCheck.filter(asked_at__gt=now - within, **whose).order_by("-asked_at").limit(most)
    if len(sent) >= most:
        raise TooMany(retry_after_s=int((sent[-1].asked_at + within - now).total_seconds()) + 1)


async def _hand_over(ctx: Context, check: ContactCheck, code: str) -> SendResult:
    channel = ctx.messages.channel(SMS)
    if channel is None:
        return SendResult(state=SendState.FAILED, code="not_set_up")
    minutes = int(CODE_STANDS_FOR.total_seconds()) // 60
    message = Message(
        notice_id=check.id,
        delivery_id=check.id,
        level=NoticeLevel.CODE,
        address=check.phone,
        values=code_values(code, minutes),
    )
    return await channel.send(message)


def _hash(ctx: Context, check_id: int, code: str) -> str:
    content = f"contact:{check_id}:{code}".encode(errors="replace")
    return hmac.new(ctx.settings.secret_key, content, hashlib.sha256).hexdigest()


def _view(check: ContactCheck) -> ContactCheckView:
    return ContactCheckView(
        check_id=str(check.id),
        phone=check.phone,
        sent=check.sent,
        expires_at=check.expires_at,
        tries_left=MOST_TRIES - check.tries,
        verified_at=check.verified_at,
    )

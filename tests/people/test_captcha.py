"""A picture with digits after three failures: asked by address, used once, drawn here."""

import asyncio
import base64
import random
import struct
import zlib
from dataclasses import replace

import pytest

from backend.context import Context
from backend.domain import captcha_drawing
from backend.errors import TooMany
from backend.models.people import Captcha
from backend.services import captcha as captchas
from backend.services.captcha import CaptchaNeeded, CaptchaView, CaptchaWrong, make_captcha
from backend.services.staff_sessions import show_sign_in
from backend.services.staff_sign_in import SignedIn, SignInRefused, TotpNeeded, sign_in
from tests.people.conftest import PASSWORD, People, outcome_of, types_of


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the pictures show, in their order, as a person reads it."""
    texts: list[str] = []

    def draw(text: str, uniform: captcha_drawing.Uniform) -> bytes:
        texts.append(text)
        return captcha_drawing.draw(text, uniform)

    monkeypatch.setattr(captchas, "draw", draw)
    return texts


async def fail_thrice(people: People) -> None:
    for _ in range(captchas.FAILURES_TO_ASK):
        with pytest.raises(SignInRefused):
            await sign_in(people.ctx, "nobody", "wrong password")


async def read(ctx: Context, shown: list[str]) -> tuple[str, str]:
    view: CaptchaView = await make_captcha(ctx)
    return view.captcha_id, shown[-1]


async def test_two_failures_ask_for_no_picture(people: People) -> None:
    await people.hire("chen", "cashier")
    for _ in range(captchas.FAILURES_TO_ASK - 1):
        await outcome_of(sign_in(people.ctx, "chen", "wrong password"))

    assert not (await show_sign_in(people.ctx)).captcha
    assert isinstance(await outcome_of(sign_in(people.ctx, "chen", PASSWORD)), SignedIn)


async def test_three_failures_ask_for_one_whatever_name_comes_next(people: People) -> None:
    await people.hire("chen", "cashier")
    await fail_thrice(people)

    answers = [await outcome_of(sign_in(people.ctx, name, PASSWORD)) for name in ("chen", "nobody")]

    assert (await show_sign_in(people.ctx)).captcha
    assert [type(one) for one in answers] == [CaptchaNeeded, CaptchaNeeded]


async def test_another_address_is_asked_nothing(people: People) -> None:
    await people.hire("chen", "cashier")
    await fail_thrice(people)

    elsewhere = replace(people.ctx, client_ip="10.0.9.9")

    assert isinstance(await outcome_of(sign_in(elsewhere, "chen", PASSWORD)), SignedIn)


async def test_a_picture_that_was_read_opens_the_way(people: People, shown: list[str]) -> None:
    await people.hire("chen", "cashier")
    await fail_thrice(people)

    signed_in = await sign_in(people.ctx, "chen", PASSWORD, captcha=await read(people.ctx, shown))

    assert signed_in.me.name == "Chen"


async def test_a_wrong_answer_uses_the_picture_up(people: People, shown: list[str]) -> None:
    await people.hire("chen", "cashier")
    await fail_thrice(people)
    number, answer = await read(people.ctx, shown)

    wrong = await outcome_of(sign_in(people.ctx, "chen", PASSWORD, captcha=(number, "00000")))
    late = await outcome_of(sign_in(people.ctx, "chen", PASSWORD, captcha=(number, answer)))

    assert [type(one) for one in (wrong, late)] == [CaptchaWrong, CaptchaWrong]
    assert wrong.fields == {"captcha": CaptchaWrong.message}


@pytest.mark.mariadb
async def test_one_picture_is_good_for_one_of_many_tries_at_once(people: People, shown: list[str]) -> None:
    await fail_thrice(people)
    picture = await read(people.ctx, shown)

    results = await asyncio.gather(
        *(outcome_of(sign_in(people.ctx, "nobody", "guess", captcha=picture)) for _ in range(5))
    )

    assert types_of(results) == {"SignInRefused": 1, "CaptchaWrong": 4}


@pytest.mark.parametrize("after_s", [captchas.STANDS_FOR.total_seconds(), 3_599])
async def test_an_old_picture_is_good_for_nothing(people: People, shown: list[str], after_s: float) -> None:
    await people.hire("chen", "cashier")
    picture = await read(people.ctx, shown)
    people.clock.advance(after_s)
    await fail_thrice(people)

    assert isinstance(await outcome_of(sign_in(people.ctx, "chen", PASSWORD, captcha=picture)), CaptchaWrong)


async def test_a_picture_of_another_address_is_good_for_nothing(people: People, shown: list[str]) -> None:
    await people.hire("chen", "cashier")
    await fail_thrice(people)
    picture = await read(replace(people.ctx, client_ip="10.0.9.9"), shown)

    assert isinstance(await outcome_of(sign_in(people.ctx, "chen", PASSWORD, captcha=picture)), CaptchaWrong)


async def test_asking_for_the_one_time_password_leaves_the_picture_standing(
    people: People, shown: list[str]
) -> None:
    await people.hire("wang", "manager")
    await fail_thrice(people)
    picture = await read(people.ctx, shown)
    with pytest.raises(TotpNeeded):
        await sign_in(people.ctx, "wang", PASSWORD, captcha=picture)

    signed_in = await sign_in(people.ctx, "wang", PASSWORD, people.totp("wang"), captcha=picture)

    assert signed_in.me.roles == ["manager"]


@pytest.mark.parametrize("number", ["", "0", "-1", "1e9", "９", "9" * 19, "x" * 20])
async def test_an_id_that_is_none_is_refused(people: People, number: str) -> None:
    await fail_thrice(people)

    refused = await outcome_of(sign_in(people.ctx, "chen", PASSWORD, captcha=(number, "23456")))

    assert isinstance(refused, CaptchaWrong | CaptchaNeeded)


async def test_pictures_are_drawn_for_nobody_without_end(people: People) -> None:
    with pytest.raises(TooMany):
        for _ in range(100):
            await make_captcha(people.ctx)

    assert await Captcha.all().count() < 100


async def test_old_pictures_go_by_themselves(people: People) -> None:
    await make_captcha(people.ctx)
    people.clock.advance(3_601)

    await make_captcha(people.ctx)

    assert await Captcha.all().count() == 1


async def test_the_answer_is_not_kept(people: People, shown: list[str]) -> None:
    await make_captcha(people.ctx)

    (row,) = await Captcha.all()
    assert shown[0] not in row.answer_hash and len(row.answer_hash) == 64


async def test_the_picture_is_a_whole_png(people: People) -> None:
    view = await make_captcha(people.ctx)

    raw = base64.b64decode(view.image.removeprefix("data:image/png;base64,"))
    width, height = struct.unpack(">II", raw[16:24])
    length = struct.unpack(">I", raw[33:37])[0]
    assert raw.startswith(b"\x89PNG") and (width, height) == (view.width, view.height)
    assert len(zlib.decompress(raw[41 : 41 + length])) == (width + 1) * height


def test_the_same_digits_never_look_the_same() -> None:
    source = random.Random(1)

    pictures = {captcha_drawing.draw(captcha_drawing.DIGITS[:5], source.uniform) for _ in range(20)}

    assert len(pictures) == 20


async def test_the_sign_in_before_this_one_is_told(people: People) -> None:
    await people.hire("chen", "cashier")
    first = await sign_in(people.ctx, "chen", PASSWORD)
    before = people.clock.now()
    people.clock.advance(3_600)
    await outcome_of(sign_in(people.ctx, "chen", "wrong password"))

    again = await sign_in(replace(people.ctx, client_ip="10.0.9.9"), "chen", PASSWORD)

    assert first.me.last is None
    assert again.me.last is not None
    assert (again.me.last.at, again.me.last.client_ip, again.me.last.failures) == (before, "10.0.0.1", 1)

"""The picture with digits: asked after three failures, used once, old after five minutes, few a minute."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from backend.context import Context
from backend.errors import TooMany
from backend.models.people import Captcha
from backend.services import captcha
from backend.services.captcha import STANDS_FOR, CaptchaNeeded, CaptchaWrong, make_captcha
from backend.services.staff_sign_in import SignInRefused, sign_in
from tests.people.conftest import PASSWORD, People


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the pictures showed, oldest first."""
    texts: list[str] = []
    draw = captcha.draw

    def noted(text: str, uniform: Callable[[float, float], float]) -> bytes:
        texts.append(text)
        return draw(text, uniform)

    monkeypatch.setattr(captcha, "draw", noted)
    return texts


async def miss_three_times(ctx: Context) -> None:
    for _ in range(3):
        with pytest.raises(SignInRefused):
            await sign_in(ctx, "chen", "wrong password")


@pytest.mark.mariadb
async def test_after_three_failures_a_picture_is_asked_and_used_once(
    people: People, shown: list[str]
) -> None:
    await people.hire("chen", "cashier")
    await miss_three_times(people.ctx)
    with pytest.raises(CaptchaNeeded):
        await sign_in(people.ctx, "chen", PASSWORD)

    made = await make_captcha(people.ctx)
    answer = (made.captcha_id, shown[-1])
    assert (await sign_in(people.ctx, "chen", PASSWORD, captcha=answer)).me.username == "chen"

    with pytest.raises(CaptchaWrong):
        await sign_in(people.ctx, "chen", PASSWORD, captcha=answer)


async def test_a_wrong_answer_uses_the_picture_up(people: People, shown: list[str]) -> None:
    await people.hire("chen", "cashier")
    await miss_three_times(people.ctx)
    made = await make_captcha(people.ctx)

    for answer in ("00000", shown[-1]):
        with pytest.raises(CaptchaWrong):
            await sign_in(people.ctx, "chen", PASSWORD, captcha=(made.captcha_id, answer))


async def test_an_old_picture_is_refused(people: People, shown: list[str]) -> None:
    await people.hire("chen", "cashier")
    await miss_three_times(people.ctx)
    made = await make_captcha(people.ctx)
    people.clock.advance(STANDS_FOR.total_seconds() + 1)

    with pytest.raises(CaptchaWrong):
        await sign_in(people.ctx, "chen", PASSWORD, captcha=(made.captcha_id, shown[-1]))


async def test_pictures_are_limited_and_only_hashes_are_kept(people: People, shown: list[str]) -> None:
    for _ in range(20):
        await make_captcha(people.ctx)
    with pytest.raises(TooMany):
        await make_captcha(people.ctx)

    assert not {row.answer_hash for row in await Captcha.all()} & set(shown)
    people.clock.advance(timedelta(minutes=1).total_seconds() + 1)
    assert (await make_captcha(people.ctx)).image.startswith("data:image/png;base64,")

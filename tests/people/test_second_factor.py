"""The second factor of one action: a code is used once, and its secret opens in its own row alone."""

import asyncio
import random

import pyotp
import pytest

from backend.errors import Bug
from backend.models.audit import AuditRecord
from backend.models.people import Staff
from backend.services import credentials
from backend.services.credentials import (
    STEP_S,
    WeakPassword,
    check_password,
    matching_step,
    new_totp_secret,
    open_secret,
    seal_secret,
    totp_uri,
)
from backend.services.staff_sign_in import FAILURES_TO_LOCK, StaffLocked, TotpMissing, TotpWrong, step_up
from tests.people.conftest import MONDAY, People, outcome_of, types_of

KEY = b"k" * 32
PRODUCT_HASHER = credentials._hasher  # As imported: before any test makes it quicker.


async def test_a_code_is_taken_and_names_what_it_was_for(people: People) -> None:
    ctx = await people.staff("li", "electrician")

    await step_up(ctx, people.totp("li"), "staff.trip", "meter:42")

    record = await AuditRecord.get(operation="staff.step_up")
    assert (record.object, record.facts) == ("meter:42", '{"operation":"staff.trip"}')


@pytest.mark.mariadb
async def test_a_code_serves_one_of_many_actions_tried_at_once(people: People) -> None:
    ctx = await people.staff("li", "electrician")
    code = people.totp("li")

    results = await asyncio.gather(
        *(outcome_of(step_up(ctx, code, "staff.trip", f"meter:{number}")) for number in range(4))
    )

    assert types_of(results) == {"NoneType": 1, "TotpWrong": 3}


async def test_a_code_does_not_serve_after_the_one_that_followed_it(people: People) -> None:
    ctx = await people.staff("li", "electrician")
    earlier = people.totp("li")
    people.clock.advance(STEP_S)
    await step_up(ctx, people.totp("li"), "staff.trip", "meter:1")

    with pytest.raises(TotpWrong):
        await step_up(ctx, earlier, "staff.trip", "meter:2")


async def test_the_next_code_serves_the_next_action(people: People) -> None:
    ctx = await people.staff("li", "electrician")
    for number in range(3):
        await step_up(ctx, people.totp("li"), "staff.trip", f"meter:{number}")
        people.clock.advance(STEP_S)

    assert await AuditRecord.filter(operation="staff.step_up").count() == 3


@pytest.mark.mariadb
async def test_wrong_codes_lock_and_the_lock_says_for_how_long(people: People) -> None:
    ctx = await people.staff("li", "electrician")
    for _ in range(FAILURES_TO_LOCK):
        with pytest.raises(TotpWrong):
            await step_up(ctx, "00000x", "staff.trip", "meter:1")

    with pytest.raises(StaffLocked) as refusal:
        await step_up(ctx, people.totp("li"), "staff.trip", "meter:1")

    assert "16 分钟" in refusal.value.text()


async def test_somebody_without_a_secret_is_told_so(people: People) -> None:
    ctx = await people.staff("li", "electrician")
    await Staff.filter(id=ctx.caller.id).update(totp_secret="")

    with pytest.raises(TotpMissing):
        await step_up(ctx, "000000", "staff.trip", "meter:1")


def test_a_code_is_known_one_step_around_and_no_further() -> None:
    secret = new_totp_secret(random.Random(1))
    now_step = int(MONDAY.timestamp()) // STEP_S
    codes = {offset: pyotp.TOTP(secret).generate_otp(now_step + offset) for offset in range(-3, 4)}

    found = {offset: matching_step(secret, code, MONDAY) for offset, code in codes.items()}

    assert found == {offset: now_step + offset if abs(offset) <= 1 else None for offset in codes}


def test_a_secret_opens_in_its_own_row_and_with_its_own_key_alone() -> None:
    sealed = seal_secret(KEY, 7, "SECRET", random.Random(1))

    assert open_secret(KEY, 7, sealed) == "SECRET"
    assert "SECRET" not in sealed
    for key, staff_id in ((KEY, 8), (b"x" * 32, 7)):
        with pytest.raises(Bug):
            open_secret(key, staff_id, sealed)


async def test_the_database_holds_neither_password_nor_secret(people: People) -> None:
    new = await people.hire("wang", "manager")

    staff = await Staff.get(id=new.staff_id)

    assert staff.password_hash.startswith("$argon2id$")
    assert new.totp_secret not in staff.totp_secret
    assert new.totp_uri == totp_uri(new.totp_secret, "wang")


async def test_a_password_is_hashed_as_owasp_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_hasher", PRODUCT_HASHER)

    hashed = await credentials.hash_password("correct horse battery")

    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await credentials.has_password(hashed, "correct horse battery")
    assert not await credentials.has_password(hashed, "correct horse batterz")


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "chen-is-my-name", "1" * 129])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_password(password, "chen")

"""Signing in: one answer for all that is wrong, and few tries however many come at once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.context import Context
from backend.errors import NotFound, TooMany
from backend.models.audit import AuditRecord
from backend.models.people import Session, Staff
from backend.services.audit import record
from backend.services.rate_limits import SIGN_IN_PER_ADDRESS
from backend.services.staff_admin import disable_staff
from backend.services.staff_sign_in import (
    FAILURES_TO_LOCK,
    FIRST_LOCK,
    LONGEST_LOCK,
    SignedIn,
    SignInRefused,
    TotpNeeded,
    demo_sign_in,
    sign_in,
)
from backend.store import unit_of_work
from tests.people.conftest import PASSWORD, People, outcome_of, some_settings, types_of


async def fail(people: People, username: str, times: int = 1) -> None:
    """Fail from as many addresses, so that nothing but the lock is in the way."""
    for number in range(times):
        with pytest.raises(SignInRefused):
            await sign_in(at(people, number), username, "wrong password")


def at(people: People, number: int) -> Context:
    return replace(people.ctx, client_ip=f"10.0.1.{number}")


async def test_a_cashier_signs_in_with_a_password(people: People) -> None:
    await people.hire("chen", "cashier")

    signed_in = await sign_in(people.ctx, " Chen ", PASSWORD)

    assert signed_in.me.roles == ["cashier"]


async def test_only_hashes_of_a_session_are_kept(people: People) -> None:
    await people.hire("chen", "cashier")

    signed_in = await sign_in(people.ctx, "chen", PASSWORD)

    (session,) = await Session.all()
    kept = f"{session.token_hash} {session.csrf_hash}"
    assert len(signed_in.token) * 5 >= 256
    assert signed_in.token not in kept
    assert signed_in.me.csrf_token not in kept


@pytest.mark.parametrize("role", ["manager", "finance", "administrator"])
async def test_whoever_decides_needs_a_one_time_password(people: People, role: str) -> None:
    await people.hire("wang", role)

    with pytest.raises(TotpNeeded):
        await sign_in(people.ctx, "wang", PASSWORD)

    assert (await sign_in(people.ctx, "wang", PASSWORD, people.totp("wang"))).me.roles == [role]


async def test_a_wrong_one_time_password_is_refused_like_a_wrong_password(people: People) -> None:
    await people.hire("wang", "manager")
    wrong = f"{(int(people.totp('wang')) + 1) % 1_000_000:06d}"

    with pytest.raises(SignInRefused):
        await sign_in(people.ctx, "wang", PASSWORD, wrong)


async def test_unknown_disabled_locked_and_mistaken_people_get_the_same_answer(people: People) -> None:
    await people.hire("boss", "administrator")
    await people.hire("gone", "cashier")
    await people.hire("locked", "cashier")
    await disable_staff(people.ctx, people.made["gone"].staff_id, "离职")
    await fail(people, "locked", FAILURES_TO_LOCK)

    answers = [
        await outcome_of(sign_in(at(people, 100 + number), name, word))
        for number, (name, word) in enumerate(
            (
                ("nobody", PASSWORD),
                ("gone", PASSWORD),
                ("locked", PASSWORD),
                ("boss", "wrong password"),
            )
        )
    ]

    assert {(one.code, one.status, one.text()) for one in answers} == {
        (SignInRefused.code, 401, SignInRefused.message)
    }


async def test_an_unknown_name_is_not_written_to_the_log(people: People) -> None:
    await fail(people, "my-password-by-mistake")

    assert [row.object for row in await AuditRecord.all()] == ["staff:unknown"]


@pytest.mark.mariadb
async def test_eight_failures_lock_for_a_quarter_of_an_hour(people: People) -> None:
    await people.hire("chen", "cashier")
    await fail(people, "chen", FAILURES_TO_LOCK)

    people.clock.advance(FIRST_LOCK.total_seconds() - 1)
    before = await outcome_of(sign_in(people.ctx, "chen", PASSWORD))
    people.clock.advance(1)
    after = await outcome_of(sign_in(people.ctx, "chen", PASSWORD))

    assert (type(before), type(after)) == (SignInRefused, SignedIn)


async def test_each_further_lock_lasts_twice_as_long_up_to_a_day(people: People) -> None:
    await people.hire("chen", "cashier")
    locks: list[timedelta] = []
    for round_ in range(9):
        await Staff.filter(username="chen").update(failures=(round_ + 1) * FAILURES_TO_LOCK - 1)
        await fail(people, "chen")
        staff = await Staff.get(username="chen")
        assert staff.locked_until_at is not None
        locks.append(staff.locked_until_at - people.clock.now())
        people.clock.move_to(staff.locked_until_at)

    assert locks == [min(FIRST_LOCK * 2**round_, LONGEST_LOCK) for round_ in range(9)]


async def test_signing_in_forgets_earlier_failures(people: People) -> None:
    await people.hire("chen", "cashier")
    await fail(people, "chen", FAILURES_TO_LOCK - 1)
    await sign_in(people.ctx, "chen", PASSWORD)

    await fail(people, "chen", FAILURES_TO_LOCK - 1)

    assert isinstance(await outcome_of(sign_in(people.ctx, "chen", PASSWORD)), SignedIn)


@pytest.mark.mariadb
async def test_a_dozen_guesses_at_once_are_no_more_than_eight(people: People) -> None:
    await people.hire("chen", "cashier")
    # Each from an address of its own, so that nothing but the lock is in the way.
    guesses = [sign_in(at(people, number), "chen", f"guess {number}") for number in range(12)]
    await asyncio.gather(*(outcome_of(one) for one in guesses))

    staff = await Staff.get(username="chen")
    assert (staff.failures, staff.locked_until_at) == (FAILURES_TO_LOCK, people.clock.now() + FIRST_LOCK)


async def test_asking_for_the_one_time_password_gives_no_further_tries(people: People) -> None:
    """A guesser who knows the password must not win tries by leaving the second factor out in between."""
    await people.hire("wang", "manager")
    right = int(people.totp("wang"))
    for number in range(1, FAILURES_TO_LOCK + 1):
        await outcome_of(sign_in(people.ctx, "wang", PASSWORD))
        await outcome_of(sign_in(at(people, number), "wang", PASSWORD, f"{(right + number) % 1_000_000:06d}"))

    with pytest.raises(SignInRefused):
        await sign_in(people.ctx, "wang", PASSWORD, people.totp("wang"))


async def test_forgetting_the_one_time_password_is_no_failure(people: People) -> None:
    await people.hire("wang", "manager")
    for _ in range(FAILURES_TO_LOCK + 1):
        with pytest.raises(TotpNeeded):
            await sign_in(people.ctx, "wang", PASSWORD)

    assert isinstance(await sign_in(people.ctx, "wang", PASSWORD, people.totp("wang")), SignedIn)


@pytest.mark.mariadb
async def test_one_code_opens_one_session_of_eight_tried_at_once(people: People) -> None:
    await people.hire("wang", "manager")
    code = people.totp("wang")

    results = await asyncio.gather(
        *(outcome_of(sign_in(people.ctx, "wang", PASSWORD, code)) for _ in range(FAILURES_TO_LOCK - 1))
    )

    assert types_of(results) == {"SignedIn": 1, "SignInRefused": FAILURES_TO_LOCK - 2}


async def test_an_address_that_guesses_names_is_stopped(people: People) -> None:
    await people.hire("chen", "cashier")
    # Written as the failures that they would be: thirty hashes take a second.
    for _ in range(SIGN_IN_PER_ADDRESS.most):
        await unit_of_work(lambda: record(people.ctx, SIGN_IN_PER_ADDRESS.operation))

    with pytest.raises(TooMany) as refusal:
        await sign_in(people.ctx, "chen", PASSWORD)

    people.clock.advance(refusal.value.facts["retry_after_s"])
    assert isinstance(await sign_in(people.ctx, "chen", PASSWORD), SignedIn)


async def test_one_tap_signs_in_only_in_a_demo(people: People) -> None:
    await people.hire("wang", "manager")
    demo = replace(people.ctx, settings=some_settings(demo=True))

    assert (await demo_sign_in(demo, "manager")).me.name == "Wang"
    with pytest.raises(NotFound):
        await demo_sign_in(people.ctx, "manager")
    with pytest.raises(NotFound):
        await demo_sign_in(demo, "cashier")

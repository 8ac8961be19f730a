"""Second persons: nobody answers their own request, and a request is answered once."""

import asyncio
from datetime import timedelta

import pytest

from backend.context import Context
from backend.errors import NotFound
from backend.models.people import Approval, Session, Staff
from backend.services import approvals
from backend.services.credentials import open_secret
from backend.services.staff_admin import OwnRights
from backend.services.staff_sign_in import SignedIn, sign_in
from backend.services.totp_reset import ask_totp_reset, decide_totp_reset
from backend.store import unit_of_work
from tests.people.conftest import OTHER_SITE, PASSWORD, People, outcome_of, types_of


async def ask(ctx: Context, object_id: int = 5) -> int:
    approval = await unit_of_work(lambda: approvals.ask(ctx, "refund", object_id, "多收"))
    return int(approval.id)


async def decide(ctx: Context, approval_id: int, granted: bool = True) -> Approval:
    return await unit_of_work(lambda: approvals.decide(ctx, "refund", approval_id, granted))


async def test_another_person_grants_a_request(people: People) -> None:
    asker, other = await people.staff("chen", "cashier"), await people.staff("wang", "manager")

    approval = await decide(other, await ask(asker))

    assert (approval.asked_by, approval.decided_by, approval.granted) == (
        asker.caller.id,
        other.caller.id,
        True,
    )


async def test_nobody_grants_their_own_request_but_may_take_it_back(people: People) -> None:
    manager = await people.staff("wang", "manager")
    approval_id = await ask(manager)

    with pytest.raises(approvals.OwnRequest):
        await decide(manager, approval_id)

    assert (await decide(manager, approval_id, granted=False)).granted is False


@pytest.mark.mariadb
async def test_a_request_is_answered_once_by_many_at_once(people: People) -> None:
    approval_id = await ask(await people.staff("chen", "cashier"))
    others = [await people.staff(f"wang{number}", "manager") for number in range(4)]

    results = await asyncio.gather(
        *(
            outcome_of(decide(other, approval_id, granted=number % 2 == 0))
            for number, other in enumerate(others)
        )
    )

    assert types_of(results) == {"Approval": 1, "AlreadyDecided": 3}


async def test_one_request_of_a_kind_stands_for_an_object(people: People) -> None:
    asker = await people.staff("chen", "cashier")
    await ask(asker)

    with pytest.raises(approvals.AlreadyAsked):
        await ask(asker)

    assert await ask(asker, object_id=6)


async def test_a_request_of_yesterday_is_not_granted_and_makes_room(people: People) -> None:
    asker, other = await people.staff("chen", "cashier"), await people.staff("wang", "manager")
    old = await ask(asker)
    people.clock.advance(timedelta(hours=24).total_seconds())

    with pytest.raises(approvals.ApprovalExpired):
        await decide(other, old)

    assert (await decide(other, await ask(asker))).granted


async def test_a_request_of_another_site_or_kind_is_not_there(people: People) -> None:
    asker = await people.staff("chen", "cashier")
    approval_id = await ask(asker)
    stranger = await people.staff("zhao", "manager", site_id=OTHER_SITE)
    other = await people.staff("wang", "manager")

    with pytest.raises(NotFound):
        await decide(stranger, approval_id)
    with pytest.raises(NotFound):
        await unit_of_work(lambda: approvals.decide(other, "totp_reset", approval_id, True))


async def test_a_lost_phone_is_replaced_by_two_people(people: People) -> None:
    await people.hire("li", "manager")
    await sign_in(people.ctx, "li", PASSWORD, people.totp("li"))
    admin, manager = await people.staff("boss", "administrator"), await people.staff("wang", "manager")

    new = await decide_totp_reset(
        manager, await ask_totp_reset(admin, people.made["li"].staff_id, "手机丢失"), granted=True
    )

    assert new is not None
    staff = await Staff.get(id=new.staff_id)
    assert open_secret(people.ctx.settings.secret_key, staff.id, staff.totp_secret) == new.totp_secret
    assert await Session.filter(subject_id=staff.id, revoked_at=None).count() == 0
    people.made["li"] = new
    people.clock.advance(30)
    assert isinstance(await sign_in(people.ctx, "li", PASSWORD, people.totp("li")), SignedIn)


async def test_a_refused_reset_changes_nothing(people: People) -> None:
    await people.hire("li", "manager")
    before = (await Staff.get(username="li")).totp_secret
    admin, manager = await people.staff("boss", "administrator"), await people.staff("wang", "manager")
    approval_id = await ask_totp_reset(admin, people.made["li"].staff_id, "手机丢失")

    assert await decide_totp_reset(manager, approval_id, granted=False) is None

    assert (await Staff.get(username="li")).totp_secret == before


async def test_nobody_asks_for_grants_alone_or_gets_their_own_reset(people: People) -> None:
    admin, li = await people.staff("boss", "administrator"), await people.staff("li", "manager")
    approval_id = await ask_totp_reset(admin, li.caller.id, "手机丢失")

    with pytest.raises(OwnRights):
        await ask_totp_reset(li, li.caller.id, "手机丢失")
    with pytest.raises(approvals.OwnRequest):
        await decide_totp_reset(admin, approval_id, granted=True)
    with pytest.raises(OwnRights):
        await decide_totp_reset(li, approval_id, granted=True)

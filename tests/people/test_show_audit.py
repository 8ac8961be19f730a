"""What each person sees of the audit log, and how it is found."""

import pytest

from backend.context import Context
from backend.errors import NotFound
from backend.models.audit import AuditRecord
from backend.services.audit import record
from backend.services.show_audit import AuditQuery, check_chain, list_audit
from backend.services.show_staff import list_roles, list_staff
from backend.services.staff_admin import DutiesMixed, OwnRights
from backend.services.staff_care import RoleTaken, add_role, enable_staff, end_sessions, reset_password
from backend.services.staff_sign_in import SignedIn, SignInRefused, sign_in
from backend.store import run, unit_of_work
from tests.people.conftest import OTHER_SITE, PASSWORD, People, outcome_of

WORDS = "another good password"


async def write(ctx: Context, operation: str, object_: str = "") -> None:
    await unit_of_work(lambda: record(ctx, operation, object_, facts={"before": 1, "after": 2}))


async def seen(ctx: Context, query: AuditQuery | None = None) -> list[str]:
    return [one.operation for one in (await list_audit(ctx, query or AuditQuery(), 1, 50)).lines]


async def some_log(people: People) -> dict[str, Context]:
    who = {role: await people.staff(role, role) for role in ("manager", "finance", "cashier", "electrician")}
    await write(who["cashier"], "staff.top_up", "account:5")
    await write(who["electrician"], "staff.trip", "meter:42")
    await write(who["finance"], "staff.sign_out")
    await write(await people.staff("foreign", "manager", site_id=OTHER_SITE), "staff.trip", "meter:43")
    return who


async def test_a_manager_sees_all_of_the_own_mall(people: People) -> None:
    who = await some_log(people)

    operations = await seen(who["manager"])

    assert operations[:3] == ["staff.sign_out", "staff.trip", "staff.top_up"]
    assert operations.count("staff.trip") == 1


async def test_finance_sees_money_and_its_own(people: People) -> None:
    who = await some_log(people)

    assert await seen(who["finance"]) == ["staff.sign_out", "staff.top_up"]


@pytest.mark.parametrize(("role", "operation"), [("cashier", "staff.top_up"), ("electrician", "staff.trip")])
async def test_others_see_their_own_alone(people: People, role: str, operation: str) -> None:
    who = await some_log(people)

    assert await seen(who[role]) == [operation]


async def test_nobody_sees_more_by_asking_for_it(people: People) -> None:
    who = await some_log(people)
    manager = who["manager"].caller.id

    assert await seen(who["finance"], AuditQuery(mark="breaker")) == []
    assert await seen(who["cashier"], AuditQuery(staff_id=manager)) == []


@pytest.mark.mariadb
async def test_the_log_is_found_by_person_object_kind_and_time(people: People) -> None:
    who = await some_log(people)
    manager, now = who["manager"], people.clock.now()
    electrician = who["electrician"].caller.id

    assert await seen(manager, AuditQuery(staff_id=electrician)) == ["staff.trip"]
    assert await seen(manager, AuditQuery(object="meter:4")) == ["staff.trip"]
    assert await seen(manager, AuditQuery(object="%")) == await seen(manager)
    assert await seen(manager, AuditQuery(mark="money")) == ["staff.top_up"]
    assert await seen(manager, AuditQuery(to_at=now)) == []
    assert "staff.trip" in await seen(manager, AuditQuery(from_at=now, operation="staff.trip"))


async def test_a_line_says_what_was_before_and_after(people: People) -> None:
    who = await some_log(people)

    (line,) = (await list_audit(who["electrician"], AuditQuery(), 1, 50)).lines

    assert (line.actor, line.words, line.mark) == ("Electrician", "断电", "breaker")
    assert line.facts == {"before": 1, "after": 2}


async def test_an_edited_record_is_found_by_the_check(people: People) -> None:
    who = await some_log(people)
    good = await check_chain(who["manager"])
    await run("UPDATE audit_record SET reason = 'x' WHERE operation = 'staff.top_up'")

    bad = await check_chain(who["manager"])

    assert good.problems == []
    assert len(bad.problems) == 1 and "被改动" in bad.problems[0]


async def test_a_new_password_ends_sessions_and_opens_the_account(people: People) -> None:
    boss = await people.staff("boss", "administrator")
    await people.hire("chen", "cashier")
    await sign_in(people.ctx, "chen", PASSWORD)

    await reset_password(boss, people.made["chen"].staff_id, WORDS, "忘记密码")

    chen = next(one for one in await list_staff(boss) if one.username == "chen")
    assert chen.sessions == 0
    assert isinstance(await outcome_of(sign_in(people.ctx, "chen", PASSWORD)), SignInRefused)
    assert isinstance(await outcome_of(sign_in(people.ctx, "chen", WORDS)), SignedIn)


async def test_nobody_does_it_to_themselves_or_to_another_mall(people: People) -> None:
    boss = await people.staff("boss", "administrator")
    await people.hire("foreign", "cashier", site_id=OTHER_SITE)
    foreign = people.made["foreign"].staff_id

    for act in (
        lambda number: end_sessions(boss, number, "x"),
        lambda number: enable_staff(boss, number, "x"),
        lambda number: reset_password(boss, number, WORDS, "x"),
    ):
        assert isinstance(await outcome_of(act(boss.caller.id)), OwnRights)
        assert isinstance(await outcome_of(act(foreign)), NotFound)


async def test_a_role_of_ones_own_is_made_once_and_keeps_duties_apart(people: People) -> None:
    boss = await people.staff("boss", "administrator")

    await add_role(boss, "night", "夜班", ["staff.board"], "夜间值班")

    assert isinstance(await outcome_of(add_role(boss, "night", "别的", [], "x")), RoleTaken)
    mixed = add_role(boss, "all", "全能", ["staff.users.manage", "staff.trip"], "x")
    assert isinstance(await outcome_of(mixed), DutiesMixed)
    night = next(one for one in (await list_roles(boss)).roles if one.code == "night")
    assert (night.permissions, night.people) == (["staff.board"], 0)
    assert await AuditRecord.filter(operation="staff.add_role").count() == 1

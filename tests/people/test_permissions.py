"""Roles and rights: five to start from, re-cut at once, and duties that stay apart."""

import re
from pathlib import Path

import msgspec
import pytest

import backend.handlers
from backend.errors import Invalid, NotFound
from backend.models.people import Role, StaffRole
from backend.services.permissions import (
    APART_FROM_MANAGING,
    MANAGE_USERS,
    SEEDED_ROLES,
    STAFF_PERMISSIONS,
    TENANT_PERMISSIONS,
    effective,
    mixes_duties,
    permissions_of,
    rights_of,
    seed_roles,
)
from backend.services.staff_admin import (
    DutiesMixed,
    LastAdministrator,
    OwnRights,
    UsernameTaken,
    create_staff,
    disable_staff,
    recut_role,
    set_roles,
)
from tests.people.conftest import OTHER_SITE, PASSWORD, SITE, People

BY_CODE = {role.code: role for role in SEEDED_ROLES}
HANDLERS = Path(next(iter(backend.handlers.__path__)))


def test_every_operation_asks_for_a_right_that_can_be_given() -> None:
    asked = {
        name
        for file in HANDLERS.rglob("*.py")
        for name in re.findall(r'permission="([a-z_.]+)"', file.read_text(encoding="utf-8"))
    }

    general = {"public", "collector", "tenant", "staff"}
    assert asked - general - TENANT_PERMISSIONS - STAFF_PERMISSIONS.keys() == set()
    assert "staff.trip" in asked


def test_the_seeded_roles_are_the_five_of_a_mall() -> None:
    assert [(role.code, role.name) for role in SEEDED_ROLES] == [
        ("cashier", "收银员"),
        ("finance", "财务"),
        ("electrician", "电工"),
        ("manager", "经理"),
        ("administrator", "系统管理员"),
    ]


@pytest.mark.parametrize("role", SEEDED_ROLES, ids=lambda role: role.code)
def test_a_seeded_role_holds_known_rights_and_mixes_no_duties(role: object) -> None:
    permissions = BY_CODE[role.code].permissions  # type: ignore[attr-defined]

    assert set(permissions) <= STAFF_PERMISSIONS.keys()
    assert not mixes_duties(permissions)


def test_only_the_administrator_manages_users_and_touches_no_relay() -> None:
    managing = [role.code for role in SEEDED_ROLES if MANAGE_USERS in role.permissions]

    assert managing == ["administrator"]
    assert APART_FROM_MANAGING.isdisjoint(BY_CODE["administrator"].permissions)


@pytest.mark.parametrize(
    ("right", "roles"),
    [
        ("staff.trip", {"electrician", "manager"}),
        ("staff.trip.emergency", {"electrician", "manager"}),
        ("staff.decide_trip", {"manager"}),
        ("staff.keep_supply.approve", {"manager"}),
        ("staff.binding_code", {"cashier", "manager"}),
        ("staff.ledger.view", {"finance", "manager"}),
    ],
)
def test_who_may_do_what(right: str, roles: set[str]) -> None:
    assert {role.code for role in SEEDED_ROLES if right in role.permissions} == roles


def test_whoever_manages_users_has_no_relay_whatever_the_rows_say() -> None:
    """Rows written past the service still do not join what stays apart."""
    assert effective([MANAGE_USERS, "staff.trip", "staff.board"]) == {MANAGE_USERS, "staff.board"}


def test_an_unknown_right_means_nothing() -> None:
    assert effective(["staff.board", "staff.everything", "system"]) == {"staff.board"}


@pytest.mark.mariadb
async def test_seeding_again_keeps_a_role_as_it_was_cut(people: People) -> None:
    await seed_roles(people.ctx, SITE)
    await Role.filter(site_id=SITE, code="cashier").update(permissions='["staff.board"]')

    await seed_roles(people.ctx, SITE)

    roles = await Role.filter(site_id=SITE).order_by("code")
    assert len(roles) == 5
    assert msgspec.json.decode(roles[1].permissions) == ["staff.board"]


async def test_several_roles_add_up(people: People) -> None:
    ctx = await people.staff("li", "electrician", "cashier")

    rights = await rights_of(ctx.caller.id)

    assert rights.role_codes == ("cashier", "electrician")
    assert rights.permissions == {*BY_CODE["cashier"].permissions, *BY_CODE["electrician"].permissions}


async def test_nobody_is_administrator_and_electrician(people: People) -> None:
    with pytest.raises(DutiesMixed):
        await people.hire("li", "administrator", "electrician")

    assert await StaffRole.all().count() == 0


async def test_a_role_cannot_be_cut_to_manage_users_and_relays(people: People) -> None:
    admin = await people.staff("boss", "administrator")

    with pytest.raises(DutiesMixed):
        await recut_role(admin, SITE, "administrator", [MANAGE_USERS, "staff.trip"], "方便")


async def test_a_role_cannot_be_cut_so_that_a_holder_of_two_mixes_duties(people: People) -> None:
    admin = await people.staff("boss", "administrator")
    await people.hire("li", "electrician", "cashier")

    with pytest.raises(DutiesMixed):
        await recut_role(admin, SITE, "cashier", ["staff.board", MANAGE_USERS], "方便")

    assert MANAGE_USERS not in await permissions_of(people.made["li"].staff_id)


async def test_a_role_takes_no_right_that_does_not_exist(people: People) -> None:
    admin = await people.staff("boss", "administrator")

    with pytest.raises(Invalid):
        await recut_role(admin, SITE, "cashier", ["staff.everything"], "方便")


@pytest.mark.mariadb
async def test_the_last_administrator_stays(people: People) -> None:
    await people.hire("boss", "administrator")

    for attempt in (
        disable_staff(people.ctx, people.made["boss"].staff_id, "离职"),
        set_roles(people.ctx, people.made["boss"].staff_id, ["cashier"], "调岗"),
        recut_role(people.ctx, SITE, "administrator", ["staff.board"], "收权"),
    ):
        with pytest.raises(LastAdministrator):
            await attempt

    assert MANAGE_USERS in await permissions_of(people.made["boss"].staff_id)


async def test_nobody_changes_their_own_roles(people: People) -> None:
    admin = await people.staff("boss", "administrator")

    for attempt in (
        set_roles(admin, admin.caller.id, ["electrician"], "自己来"),
        disable_staff(admin, admin.caller.id, "自己来"),
    ):
        with pytest.raises(OwnRights):
            await attempt


async def test_an_administrator_of_another_site_finds_nobody(people: People) -> None:
    stranger = await people.staff("boss", "administrator", site_id=OTHER_SITE)
    chen = await people.hire("chen", "cashier")

    for attempt in (
        set_roles(stranger, chen.staff_id, ["manager"], "越权"),
        disable_staff(stranger, chen.staff_id, "越权"),
        recut_role(stranger, SITE, "cashier", ["staff.board"], "越权"),
        create_staff(stranger, SITE, "spy", "Spy", PASSWORD, ["manager"]),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_username_is_given_once_whatever_its_case(people: People) -> None:
    await people.hire("chen", "cashier")

    with pytest.raises(UsernameTaken):
        await create_staff(people.ctx, SITE, "CHEN", "Chen", PASSWORD, ["cashier"])


@pytest.mark.parametrize(
    ("username", "name", "roles"), [("x", "Chen", ["cashier"]), ("chen", " ", ["cashier"]), ("chen", "C", [])]
)
async def test_a_person_without_a_name_or_a_role_is_refused(
    people: People, username: str, name: str, roles: list[str]
) -> None:
    with pytest.raises(Invalid):
        await create_staff(people.ctx, SITE, username, name, PASSWORD, roles)

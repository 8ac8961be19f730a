"""Binding codes: one use, five tries, a day; and nobody sees a foreign account."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.context import Caller, Context
from backend.errors import NotFound, TooMany
from backend.models.people import Binding, BindingCode, Session, Tenant
from backend.services.bindings import (
    CODE_STANDS_FOR,
    MOST_TRIES,
    CodeExhausted,
    CodeExpired,
    CodeWrong,
    account_for,
    bind_tenant,
    issue_binding_code,
    revoke_bindings,
)
from backend.services.tenant_sign_in import sign_in_tenant
from backend.store import unit_of_work
from tests.people.conftest import OTHER_SITE, People, outcome_of, types_of


async def issue(people: People, account_id: int) -> str:
    return await issue_binding_code(await people.staff("chen", "cashier"), account_id)


def wrong(code: str) -> str:
    """The right row, another secret."""
    return code[:-1] + ("2" if code[-1] != "2" else "3")


async def test_a_code_opens_its_account_to_the_phone(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")

    await bind_tenant(phone, await issue(people, account.id))

    assert (await account_for(phone, account.id)).id == account.id


async def test_a_code_is_read_in_any_case_with_or_without_dashes(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")
    code = await issue(people, account.id)

    bound = await bind_tenant(phone, f" {code.lower().replace('-', ' ')} ")

    assert bound.id == account.id


async def test_a_code_is_long_enough_and_not_kept(people: People) -> None:
    account = await people.account("A101")

    code = (await issue(people, account.id)).replace("-", "")

    (row,) = await BindingCode.all()
    assert (len(code) - len(row.lookup)) * 5 >= 50
    assert code[len(row.lookup) :] not in row.code_hash


@pytest.mark.mariadb
async def test_one_of_many_phones_at_once_uses_a_code(people: People) -> None:
    account = await people.account("A101")
    code = await issue(people, account.id)
    phones = [await people.phone(f"p{number}") for number in range(8)]

    results = await asyncio.gather(*(outcome_of(bind_tenant(phone, code)) for phone in phones))

    assert types_of(results) == {"Account": 1, "CodeUsed": 7}
    assert await Binding.filter(account_id=account.id).count() == 1


@pytest.mark.mariadb
async def test_twenty_guesses_at_once_spend_five_tries(people: People) -> None:
    account = await people.account("A101")
    code = await issue(people, account.id)
    phones = [await people.phone(f"p{number}") for number in range(20)]

    results = await asyncio.gather(*(outcome_of(bind_tenant(phone, wrong(code))) for phone in phones))

    assert types_of(results)["CodeWrong"] == MOST_TRIES - 1
    assert (await BindingCode.get(account_id=account.id)).tries == MOST_TRIES
    with pytest.raises(CodeExhausted):
        await bind_tenant(phones[0], code)


async def test_four_wrong_tries_leave_the_fifth(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")
    code = await issue(people, account.id)
    for _ in range(MOST_TRIES - 1):
        with pytest.raises(CodeWrong):
            await bind_tenant(phone, wrong(code))

    assert (await bind_tenant(phone, code)).id == account.id


async def test_a_code_is_good_for_a_day(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")
    code = await issue(people, account.id)
    people.clock.advance(CODE_STANDS_FOR.total_seconds())

    with pytest.raises(CodeExpired):
        await bind_tenant(phone, code)


async def test_only_the_right_secret_learns_that_a_code_is_old(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")
    code = await issue(people, account.id)
    people.clock.advance(CODE_STANDS_FOR.total_seconds())

    with pytest.raises(CodeWrong):
        await bind_tenant(phone, wrong(code))


@pytest.mark.parametrize("code", ["", "2", "2222-2222-2222-2222", "绑定码", "x" * 64])
async def test_what_is_no_code_is_wrong(people: People, code: str) -> None:
    with pytest.raises(CodeWrong):
        await bind_tenant(await people.phone("anna"), code)


async def test_a_retry_of_the_same_phone_is_harmless(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")
    code = await issue(people, account.id)
    await bind_tenant(phone, code)

    assert (await bind_tenant(phone, code)).id == account.id
    assert await Binding.all().count() == 1


@pytest.mark.mariadb
async def test_a_phone_that_guesses_is_stopped_for_an_hour(people: People) -> None:
    phone, account = await people.phone("anna"), await people.account("A101")
    code = await issue(people, account.id)
    results = await asyncio.gather(
        *(outcome_of(bind_tenant(phone, f"{number:04d}-2222-2222-2222")) for number in range(15))
    )

    assert types_of(results) == {"CodeWrong": 10, "TooMany": 5}
    with pytest.raises(TooMany):
        await bind_tenant(phone, code)
    people.clock.advance(timedelta(hours=1).total_seconds())
    assert (await bind_tenant(phone, code)).id == account.id


async def test_a_foreign_account_is_not_there(people: People) -> None:
    mine, other = await people.account("A101"), await people.account("A102")
    phone = await people.phone("anna")
    await bind_tenant(phone, await issue(people, mine.id))

    for account_id in (other.id, 404):
        with pytest.raises(NotFound):
            await account_for(phone, account_id)


async def test_staff_and_strangers_see_no_account_as_tenants(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")
    await bind_tenant(phone, await issue(people, account.id))
    # A member of the staff whose id is that of the tenant is still no tenant.
    staff = await people.staff("chen", "cashier")
    same_id = replace(staff, caller=replace(staff.caller, id=phone.caller.id))

    for ctx in (same_id, replace(phone, caller=Caller())):
        with pytest.raises(NotFound):
            await account_for(ctx, account.id)


async def test_the_first_phone_owns_and_the_next_is_a_member(people: People) -> None:
    account = await people.account("A101")
    for name in ("anna", "bert"):
        await bind_tenant(await people.phone(name), await issue(people, account.id))

    assert [row.role for row in await Binding.all().order_by("id")] == ["owner", "member"]


@pytest.mark.mariadb
async def test_a_transfer_takes_the_account_from_everybody(people: People) -> None:
    account = await people.account("A101")
    phones: list[Context] = [await people.phone("anna"), await people.phone("bert")]
    for phone in phones:
        await bind_tenant(phone, await issue(people, account.id))
    open_code = await issue(people, account.id)

    assert await unit_of_work(lambda: revoke_bindings(people.ctx, account.id)) == 2

    for phone in phones:
        with pytest.raises(NotFound):
            await account_for(phone, account.id)
    with pytest.raises(CodeExpired):
        await bind_tenant(phones[0], open_code)


async def test_somebody_bound_again_after_a_transfer_sees_the_account_again(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")
    await bind_tenant(phone, await issue(people, account.id))
    await unit_of_work(lambda: revoke_bindings(people.ctx, account.id))

    await bind_tenant(phone, await issue(people, account.id))

    assert (await account_for(phone, account.id)).id == account.id


async def test_staff_of_another_site_issue_no_code(people: People) -> None:
    account = await people.account("A101")
    stranger = await people.staff("zhao", "cashier", site_id=OTHER_SITE)

    with pytest.raises(NotFound):
        await issue_binding_code(stranger, account.id)


async def test_a_closed_account_is_not_bound_nor_seen(people: People) -> None:
    account, phone = await people.account("A101"), await people.phone("anna")
    first, second = await issue(people, account.id), await issue(people, account.id)
    await bind_tenant(phone, first)
    account.closed_at = people.clock.now()
    await account.save()

    for attempt in (bind_tenant(phone, second), account_for(phone, account.id), issue(people, account.id)):
        with pytest.raises(NotFound):
            await attempt


@pytest.mark.mariadb
async def test_one_person_on_many_phones_at_once_is_one_tenant(people: People) -> None:
    tokens = await asyncio.gather(*(sign_in_tenant(people.ctx, "phone-anna") for _ in range(8)))

    (tenant,) = await Tenant.all()
    assert tenant.unionid == "union-phone-anna"
    assert len(set(tokens)) == await Session.filter(subject_id=tenant.id).count() == 8

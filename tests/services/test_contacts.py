"""Contacts and bound phones changed by the staff: who cannot be told is not cut off by itself."""

import msgspec
import pytest

from backend.errors import Invalid, NotFound
from backend.models.accounts import Contact
from backend.models.audit import AuditRecord
from backend.models.openings import ContactCheck
from backend.models.people import Binding
from backend.models.site import Site
from backend.services.bindings import account_for
from backend.services.change_contacts import (
    ContactBody,
    ContactChanged,
    ContactExists,
    add_contact,
    change_contact,
    remove_contact,
    revoke_binding,
)
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


async def contact_of(mall: SmallMall, shop: str = "A001") -> Contact:
    return await Contact.get(account_id=(await mall.account(shop)).id, removed_at=None)


async def proved(mall: SmallMall, phone: str) -> str:
    """An SMS check that went well."""
    now = mall.clock.now()
    check = await ContactCheck.create(
        id=mall.ctx.ids.new(),
        site_id=mall.site_id,
        phone=phone,
        code_hash="x",
        asked_by=5,
        asked_at=now,
        expires_at=now,
        verified_at=now,
    )
    return str(check.id)


async def add(mall: SmallMall, phone: str, **more: object) -> ContactChanged:
    body = ContactBody(name="李四", phone=phone, **more)  # type: ignore[arg-type]
    return await add_contact(mall.as_staff(5), (await mall.account()).id, body)


async def test_another_phone_has_to_be_proved_anew(mall: SmallMall) -> None:
    contact = await contact_of(mall)

    changed = await change_contact(
        mall.as_staff(5), contact.id, ContactBody(name="张三", phone="139-1111-2222")
    )

    row = await contact_of(mall)
    assert (row.phone, row.verified_at, changed.verified) == ("13911112222", None, False)
    assert (changed.armed, (await mall.account()).armed) == (False, False)
    record = await AuditRecord.all().order_by("-sequence").first()
    assert record is not None
    assert '"armed":false' in record.facts
    assert "13911112222" not in record.facts


async def test_another_name_leaves_the_proof(mall: SmallMall) -> None:
    contact = await contact_of(mall)

    changed = await change_contact(
        mall.as_staff(5), contact.id, ContactBody(name="王五", phone=contact.phone)
    )

    assert (changed.verified, changed.armed) == (True, True)


async def test_a_proved_phone_may_arm_the_account_again(mall: SmallMall) -> None:
    contact = await contact_of(mall)
    await remove_contact(mall.as_staff(5), contact.id, "已离职")
    assert not (await mall.account()).armed

    check_id = await proved(mall, "13911112222")
    changed = await add(mall, "13911112222", check_id=check_id, arm=True)

    assert (changed.verified, changed.armed, (await mall.account()).armed) == (True, True, True)


async def test_an_account_is_not_armed_by_an_unproved_phone(mall: SmallMall) -> None:
    await remove_contact(mall.as_staff(5), (await contact_of(mall)).id, "已离职")

    with pytest.raises(Invalid):
        await add(mall, "13911112222", arm=True)

    assert await Contact.filter(phone="13911112222").count() == 0


async def test_a_check_of_another_phone_proves_nothing(mall: SmallMall) -> None:
    with pytest.raises(Invalid):
        await add(mall, "13911112222", check_id=await proved(mall, "13911113333"))


async def test_a_removed_contact_stays_on_record_and_comes_back_unproved(mall: SmallMall) -> None:
    contact = await contact_of(mall)
    await remove_contact(mall.as_staff(5), contact.id, "已离职")
    await remove_contact(mall.as_staff(5), contact.id, "已离职")

    await add(mall, contact.phone)

    row = await contact_of(mall)
    assert (row.id, row.name, row.verified_at) == (contact.id, "李四", None)
    with pytest.raises(ContactExists):
        await add(mall, contact.phone)


async def test_a_bound_phone_keeps_the_account_armed_until_it_is_revoked(mall: SmallMall) -> None:
    tenant, account = await mall.as_tenant(), await mall.account()
    await remove_contact(mall.as_staff(5), (await contact_of(mall)).id, "已离职")
    assert (await mall.account()).armed

    await revoke_binding(mall.as_staff(5), (await Binding.get(account_id=account.id)).id, "手机丢失")

    assert not (await mall.account()).armed
    with pytest.raises(NotFound):
        await account_for(tenant, account.id)


@pytest.mark.parametrize("phone", ["123456", "2391111222", "139111122223", "电话号码"])
async def test_what_is_no_phone_is_told_at_its_field(mall: SmallMall, phone: str) -> None:
    with pytest.raises(Invalid) as error:
        await add(mall, phone)

    assert error.value.fields is not None
    assert "phone" in error.value.fields


async def test_a_person_may_vouch_for_a_phone_and_says_how_they_know(mall: SmallMall) -> None:
    changed = await add(mall, "13911112222", word="本人持证件到场")

    record = await AuditRecord.all().order_by("-sequence").first()
    assert changed.verified
    assert record is not None
    assert "word: 本人持证件到场" in record.facts


async def test_where_a_word_is_not_enough_it_is_told_at_its_field(mall: SmallMall) -> None:
    site = await Site.get(id=mall.site_id)
    policy = msgspec.json.decode(site.policy)
    site.policy = msgspec.json.encode({**policy, "contact_by_word": False}).decode()
    await site.save()

    with pytest.raises(Invalid) as error:
        await add(mall, "13911112222", word="本人持证件到场")

    assert error.value.fields is not None
    assert "word" in error.value.fields

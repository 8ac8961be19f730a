"""The audit chain: whoever edits, takes out or cuts off a record is found."""

import asyncio
from dataclasses import replace

import pytest

from backend.models.audit import AuditHead, AuditRecord
from backend.services.audit import audit_heads, left_record, record, verify_audit, verify_audits
from backend.store import run, unit_of_work
from tests.people.conftest import OTHER_SITE, SITE, People

KEY = b"l" * 32


async def write(people: People, count: int, site_id: int = SITE) -> None:
    for number in range(count):
        people.clock.advance(0.123456)
        facts = {"number": number, "名": "值"}

        async def work(number: int = number, facts: dict[str, object] = facts) -> None:
            await record(
                people.ctx, "staff.trip", f"meter:{number}", reason="检修 " * 60, facts=facts, site_id=site_id
            )

        await unit_of_work(work)


@pytest.mark.mariadb
async def test_an_untouched_chain_has_no_problems(people: People) -> None:
    await write(people, 5)

    assert await verify_audit(SITE, KEY) == []


@pytest.mark.mariadb
async def test_records_written_at_once_make_one_chain(people: People) -> None:
    async def work() -> None:
        await record(people.ctx, "staff.trip", "meter:1", site_id=SITE)

    await asyncio.gather(*(unit_of_work(work) for _ in range(20)))

    assert await verify_audit(SITE, KEY) == []
    assert (await AuditHead.get(site_id=SITE)).count == 20


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "staff:1"),
        ("operation", "staff.restore"),
        ("object", "meter:9"),
        ("reason", "别的原因"),
        ("facts", "{}"),
        ("request_id", "other"),
        ("client_ip", "10.9.9.9"),
        ("at", "2026-03-02 01:00:09.000000+00:00"),
    ],
)
async def test_an_edit_of_any_column_is_found(people: People, column: str, value: str) -> None:
    await write(people, 5)

    await run(f"UPDATE audit_record SET {column} = ? WHERE sequence = 3", [value])

    assert await verify_audit(SITE, KEY) == ["操作日志第 3 条被改动"]


async def test_a_record_taken_out_is_found(people: People) -> None:
    await write(people, 5)

    await AuditRecord.filter(sequence__in=[2, 3]).delete()

    assert await verify_audit(SITE, KEY) == ["操作日志缺少第 2 至 3 条"]


@pytest.mark.mariadb
async def test_a_cut_tail_is_found(people: People) -> None:
    await write(people, 5)

    await AuditRecord.filter(sequence__gt=3).delete()

    assert await verify_audit(SITE, KEY) == ["操作日志应有 5 条，只到第 3 条"]


async def test_a_tail_cut_together_with_its_head_is_found_by_the_exported_head(people: People) -> None:
    await write(people, 5)
    exported = await audit_heads()
    (third,) = await AuditRecord.filter(sequence=3)
    await AuditRecord.filter(sequence__gt=3).delete()
    await AuditHead.filter(site_id=SITE).update(count=3, hmac=third.hmac)

    assert await verify_audit(SITE, KEY) == []
    assert await verify_audit(SITE, KEY, exported) == ["操作日志曾有 5 条（见导出的链头），现已不在"]


async def test_a_chain_written_anew_with_the_key_differs_from_the_exported_head(people: People) -> None:
    await write(people, 3)
    exported = await audit_heads()
    await AuditRecord.all().delete()
    await AuditHead.all().delete()
    await write(people, 4)

    assert await verify_audit(SITE, KEY, exported) == ["操作日志第 3 条与导出的链头不符"]


async def test_another_key_does_not_verify(people: People) -> None:
    await write(people, 2)

    assert len(await verify_audit(SITE, b"x" * 32)) == 2


async def test_sites_have_chains_of_their_own(people: People) -> None:
    await write(people, 2)
    await write(people, 3, OTHER_SITE)

    await AuditRecord.filter(site_id=OTHER_SITE).delete()

    assert await verify_audits(KEY) == ["站点 102：操作日志应有 3 条，只到第 0 条"]


async def test_a_call_without_a_record_is_seen(people: People) -> None:
    """A second factor alone does not say what was done with it."""
    ctx = replace(people.ctx, request_id="a-call")
    await unit_of_work(lambda: record(ctx, "staff.step_up", "meter:1"))
    before = await left_record(ctx)

    await unit_of_work(lambda: record(ctx, "staff.trip", "meter:1"))

    assert (before, await left_record(ctx)) == (False, True)

"""A version from draft to force (电价版本): what was charged stays, what comes is charged by the new one."""

from datetime import date, datetime
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from backend.domain.tariff_days import SpecialDays
from backend.domain.tariffs import Period
from backend.domain.tiers import Cycle
from backend.errors import Invalid
from backend.models.audit import AuditRecord
from backend.models.ledger import Entry, Posting
from backend.models.people import Approval
from backend.models.tariffs import Tariff, TariffDraft, TariffVersion
from backend.services.approval_inbox import list_waiting
from backend.services.approvals import AlreadyAsked, AlreadyDecided, ApprovalExpired, OwnRequest
from backend.services.cut_day import cut_day
from backend.services.tariff_drafts import (
    DraftNotOpen,
    change_draft,
    decide_draft,
    drop_draft,
    make_draft,
    submit_draft,
    withdraw_draft,
)
from backend.services.tariff_dry_run import try_draft
from backend.services.tariff_lists import list_tariffs, show_tariff
from backend.services.tariff_parts import (
    PricePart,
    SeasonPart,
    SpecialPart,
    StepPart,
    TierPart,
    VersionContent,
    content_of,
    version_of,
)
from backend.store import rows
from common.clock import local_midnight
from tests.services.mall import SmallMall
from tests.services.rules import bands, content

FINANCE, MANAGER = 7, 8


async def draft(mall: SmallMall, what: VersionContent, request_id: UUID | None = None) -> int:
    tariff = await Tariff.get(site_id=mall.site_id)
    return int(await make_draft(mall.as_staff(FINANCE), tariff.id, what, request_id or uuid4()))


async def put_in_force(mall: SmallMall, what: VersionContent) -> int:
    number = await draft(mall, what)
    await submit_draft(mall.as_staff(FINANCE), number, "购电价格调整")
    await decide_draft(mall.as_staff(MANAGER), number, True, "")
    return number


def go_to(mall: SmallMall, text: str) -> None:
    at = datetime.fromisoformat(f"{text}+08:00")
    mall.clock.advance((at - mall.clock.now()).total_seconds())


async def nanos(mall: SmallMall) -> list[int]:
    found = await rows("SELECT total_nano FROM accrual ORDER BY charge_on, meter_id, revision")
    return [int(row["total_nano"]) for row in found]


@pytest.mark.mariadb
async def test_what_is_used_from_its_date_on_is_charged_by_the_new_version_and_nothing_before(
    mall: SmallMall,
) -> None:
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=1_000)
    await put_in_force(mall, content("2026-03-03"))
    mall.clock.advance(600)
    await mall.read(used_wh=1_000)
    go_to(mall, "2026-03-03T00:00:00")
    await mall.read()
    go_to(mall, "2026-03-03T11:00:00")
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=1_000)
    go_to(mall, "2026-03-04T00:10:00")
    await cut_day(mall.ctx, mall.site_id, date(2026, 3, 3))

    assert await nanos(mall) == [2 * 952_000_000, 1_112_000_000]
    entries = await Entry.filter(kind="ENERGY").order_by("id")
    paid = await Posting.filter(ledger_account__startswith="balance:").order_by("entry_id")
    assert [leg.amount_fen for leg in paid if leg.entry_id in {one.id for one in entries}] == [-190, -111]


@pytest.mark.mariadb
async def test_nobody_approves_what_they_wrote_or_asked_for(mall: SmallMall) -> None:
    number = await draft(mall, content("2026-04-01"))
    await submit_draft(mall.as_staff(FINANCE), number, "调整")
    with pytest.raises(OwnRequest):
        await decide_draft(mall.as_staff(FINANCE), number, True, "")

    other = await draft(mall, content("2026-04-02"))
    await submit_draft(mall.as_staff(MANAGER), other, "调整")
    with pytest.raises(OwnRequest):
        await decide_draft(mall.as_staff(FINANCE), other, True, "")

    assert await TariffVersion.all().count() == 1


@pytest.mark.mariadb
async def test_a_version_never_begins_where_energy_was_charged_already(mall: SmallMall) -> None:
    await mall.read()
    with pytest.raises(Invalid) as refused:
        await draft(mall, content("2026-03-02"))
    assert refused.value.fields == {"valid_from": "生效日期之后已有电量按原电价计费，请选择以后的日期"}

    number = await draft(mall, content("2026-03-03"))
    await submit_draft(mall.as_staff(FINANCE), number, "调整")
    go_to(mall, "2026-03-03T00:00:01")
    await mall.read()

    with pytest.raises(Invalid):
        await decide_draft(mall.as_staff(MANAGER), number, True, "")
    assert (await Approval.get()).granted is None
    assert await TariffVersion.all().count() == 1


async def test_a_used_version_stays_as_it_is_and_says_that_it_was_used(mall: SmallMall) -> None:
    before = await TariffVersion.get()
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=1_000)
    await put_in_force(mall, content("2026-04-01"))

    shown = await show_tariff(mall.as_staff(FINANCE), (await Tariff.get(site_id=mall.site_id)).id)

    assert [(one.state, one.used) for one in shown.versions] == [("future", False), ("in_force", True)]
    assert (await TariffVersion.get(id=before.id)).content == before.content


async def test_a_future_version_is_edited_by_another_one_of_the_same_date(mall: SmallMall) -> None:
    await put_in_force(mall, content("2026-04-01"))
    await put_in_force(mall, content("2026-04-01", float_permille={Period.PEAK: 500}))

    shown = await show_tariff(mall.as_staff(FINANCE), (await Tariff.get(site_id=mall.site_id)).id)
    (line,) = await list_tariffs(mall.as_staff(FINANCE))

    assert [one.state for one in shown.versions] == ["future", "replaced", "in_force"]
    assert line.next_from == local_midnight(date(2026, 4, 1))
    assert (line.kind, line.shops) == ("time_of_use", 3)


async def test_a_draft_is_edited_sent_taken_back_refused_and_put_away(mall: SmallMall) -> None:
    finance, manager = mall.as_staff(FINANCE), mall.as_staff(MANAGER)
    number = await draft(mall, content("2026-04-01"))
    await change_draft(finance, number, content("2026-05-01"))
    await submit_draft(finance, number, "调整")
    with pytest.raises(DraftNotOpen):
        await change_draft(finance, number, content("2026-06-01"))
    with pytest.raises(DraftNotOpen):
        await submit_draft(finance, number, "再次")
    await withdraw_draft(finance, number)
    await submit_draft(finance, number, "调整")
    await decide_draft(manager, number, False, "请附发改委文件")
    assert ((await TariffDraft.get()).state, (await TariffDraft.get()).note) == ("refused", "请附发改委文件")
    await drop_draft(finance, number)
    await drop_draft(finance, number)

    with pytest.raises(DraftNotOpen):
        await submit_draft(finance, number, "再次")
    with pytest.raises(AlreadyDecided):
        await withdraw_draft(finance, number)
    kinds = await AuditRecord.filter(object=f"tariff_draft:{number}").order_by("sequence")
    assert [row.operation.removeprefix("staff.tariff.") for row in kinds] == [
        "draft",
        "draft.change",
        "submit",
        "withdraw",
        "submit",
        "approve",
        "draft.drop",
        "draft.drop",
    ]


async def test_a_wish_that_nobody_answered_may_be_sent_again(mall: SmallMall) -> None:
    number = await draft(mall, content("2026-04-01"))
    await submit_draft(mall.as_staff(FINANCE), number, "调整")
    mall.clock.advance(86_400)
    with pytest.raises(ApprovalExpired):
        await decide_draft(mall.as_staff(MANAGER), number, True, "")

    await submit_draft(mall.as_staff(FINANCE), number, "调整")
    await decide_draft(mall.as_staff(MANAGER), number, True, "")

    assert await TariffVersion.all().count() == 2


async def test_the_same_request_drafts_once(mall: SmallMall) -> None:
    request_id = uuid4()

    first = await draft(mall, content("2026-04-01"), request_id)
    second = await draft(mall, content("2026-04-01"), request_id)

    assert (first, await TariffDraft.all().count()) == (second, 1)


FULL = content(
    "2026-07-01",
    float_permille={Period.SHARP: 800, Period.PEAK: 600, Period.VALLEY: -600, Period.DEEP_VALLEY: -800},
    components=[
        PricePart("ENERGY", "上网电价", 500_000, True),
        PricePart("SERVICE_FEE", "服务费", 10_000),
    ],
    seasons=[
        SeasonPart("夏季", "07-01", "08-31", bands(("00:00", Period.FLAT), ("14:00", Period.SHARP))),
        SeasonPart("冬季", "12-01", "01-31", bands(("00:00", Period.FLAT), ("18:00", Period.SHARP))),
    ],
    special_days=[
        SpecialPart(SpecialDays.HOLIDAY, bands(("00:00", Period.FLAT), ("10:00", Period.DEEP_VALLEY))),
        SpecialPart(SpecialDays.DATES, bands(("00:00", Period.SHARP)), [date(2026, 8, 3)]),
    ],
    tiers=TierPart(Cycle.YEAR, [StepPart(5_000_000, 50_000)]),
)


def test_what_is_written_comes_back_as_it_was_written() -> None:
    assert content_of(version_of(FULL, "v")) == FULL


@pytest.mark.parametrize(
    ("what", "field", "words"),
    [
        (
            {"bands": [*bands(("00:00", Period.FLAT))[:0], *bands(("01:00", Period.FLAT))]},
            "bands.0",
            "00:00 至 01:00 没有时段",
        ),
        (
            {
                "bands": [
                    replace(bands(("00:00", Period.FLAT))[0], end="08:00"),
                    *bands(("09:00", Period.PEAK)),
                ]
            },
            "bands.1",
            "08:00 至 09:00 没有时段",
        ),
        (
            {
                "bands": [
                    replace(bands(("00:00", Period.FLAT))[0], end="10:00"),
                    *bands(("09:00", Period.PEAK)),
                ]
            },
            "bands.1",
            "09:00 至 10:00 与前一时段重叠",
        ),
        (
            {"bands": [replace(bands(("00:00", Period.FLAT))[0], end="23:00")]},
            "bands.0",
            "23:00 至 24:00 没有时段",
        ),
        (
            {"seasons": [SeasonPart("夏季", "02-30", "08-31", bands(("00:00", Period.FLAT)))]},
            "seasons.0.first",
            "没有这一天",
        ),
        (
            {"components": [PricePart("ENERGY", "电能量", 400_001, True)]},
            "components.0.price_microyuan_per_kwh",
            "浮动后不足一微元，请调整单价或浮动比例",
        ),
        (
            {"components": [PricePart("ENERGY", "电能量", 1, False), PricePart("ENERGY", "再次", 1)]},
            "components.1.kind",
            "每种电价构成只能有一项",
        ),
        ({"components": [PricePart("SYSTEM", "补贴", -1)]}, "components", "电价合计低于零"),
        (
            {"special_days": [SpecialPart(SpecialDays.DATES, bands(("00:00", Period.FLAT)))]},
            "special_days",
            "特殊日重复，或单独日期没有填写",
        ),
        (
            {"tiers": TierPart(Cycle.MONTH, [StepPart(5, 1), StepPart(5, 2)])},
            "tiers",
            "阶梯须从低到高，且不重复",
        ),
    ],
    ids=[
        "late",
        "gap",
        "overlap",
        "early-end",
        "no-day",
        "inexact",
        "twice",
        "below-zero",
        "no-date",
        "steps",
    ],
)
def test_what_cannot_be_charged_by_is_refused_at_its_field(
    what: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        version_of(content("2026-04-01", **what), "v")

    assert (refused.value.fields or {}).get(field) == words


@pytest.mark.mariadb
async def test_the_surcharge_follows_the_accounts_energy_of_the_month(mall: SmallMall) -> None:
    """Two readings below the step, one across it, one above it; and then the next month."""
    tiers = TierPart(Cycle.MONTH, [StepPart(2_500, 100_000)])
    await put_in_force(mall, content("2026-03-03", tiers=tiers))
    go_to(mall, "2026-03-03T10:00:00")
    await mall.read()
    for _ in range(4):
        mall.clock.advance(600)
        await mall.read(used_wh=1_000)
    go_to(mall, "2026-04-01T10:00:00")
    await mall.read()
    mall.clock.advance(600)
    await mall.read(used_wh=1_000)

    tier = await rows("SELECT tier_nano, total_nano FROM accrual ORDER BY charge_on")
    assert [(int(row["tier_nano"]), int(row["total_nano"])) for row in tier] == [
        (1_500 * 100_000, 4_000 * 1_112_000 + 1_500 * 100_000),
        (0, 1_112_000_000),
    ]


@pytest.mark.mariadb
async def test_a_dry_run_of_what_is_in_force_changes_nothing_and_of_another_what_a_hand_counts(
    mall: SmallMall,
) -> None:
    await mall.read()
    await mall.read("A002")
    for used in (1_000, 900, 700):
        mall.clock.advance(600)
        await mall.read(used_wh=used)
        await mall.read("A002", used_wh=2 * used)
    same = await draft(
        mall,
        content(
            "2026-04-01",
            components=[
                PricePart("ENERGY", "上网电价", 400_000, True),
                *content("2026-04-01").components[1:],
            ],
        ),
    )
    dearer = await draft(mall, content("2026-04-01"))
    staff = mall.as_staff(FINANCE)

    as_before, changed = await try_draft(staff, same, "days30"), await try_draft(staff, dearer, "days30")

    # 2.6 and 5.2 kWh at the peak: 0.952 before, 1.112 after.
    assert [(row.shop_code, row.before_fen, row.after_fen) for row in changed.rows] == [
        ("A002", 495, 578),
        ("A001", 247, 289),
    ]
    assert (changed.before_fen, changed.after_fen, changed.change_fen) == (742, 867, 125)
    assert (changed.more, changed.less, changed.same, changed.without) == (2, 0, 0, 1)
    assert [row.change_fen for row in as_before.rows] == [0, 0]
    assert (await try_draft(staff, dearer, "month")).rows == []


async def test_a_dry_run_splits_an_hour_by_time_where_the_draft_changes_its_period(mall: SmallMall) -> None:
    await mall.read()
    for _ in range(6):
        mall.clock.advance(600)
        await mall.read(used_wh=600)
    halves = bands(("00:00", Period.FLAT), ("10:45", Period.VALLEY))
    number = await draft(mall, content("2026-04-01", bands=halves))

    (row,) = (await try_draft(mall.as_staff(FINANCE), number, "days30")).rows

    # 10:30 to 11:00 used 1,800 Wh in an hour of which a quarter is 谷: 450 Wh; 11:00 to 11:30 is all 谷.
    # The hour is what is known, so its energy spreads over all of it: three quarters are 平.
    assert row.estimated
    assert row.after_fen == (1_350 * 800_000 + (450 + 1_800) * 488_000) // 10_000_000


async def test_a_dry_run_counts_the_steps_of_the_month_from_its_beginning(mall: SmallMall) -> None:
    await mall.read()
    for _ in range(3):
        mall.clock.advance(600)
        await mall.read(used_wh=1_000)
    tiers = TierPart(Cycle.MONTH, [StepPart(2_500, 100_000)])
    number = await draft(mall, content("2026-05-01", tiers=tiers))
    go_to(mall, "2026-04-01T10:00:00")

    (row,) = (await try_draft(mall.as_staff(FINANCE), number, "month")).rows

    assert row.after_fen == (3_000 * 1_112_000 + 500 * 100_000) // 10_000_000


async def test_a_draft_that_waits_stands_in_the_managers_list(mall: SmallMall) -> None:
    number = await draft(mall, content("2026-04-01"))
    await submit_draft(mall.as_staff(FINANCE), number, "购电价格调整")

    (waiting,) = await list_waiting(mall.as_staff(MANAGER, "staff.tariff.approve"))

    assert (waiting.kind, waiting.title, waiting.reason) == ("tariff_version", "一般工商业", "购电价格调整")
    assert waiting.to == f"/rules/tariffs/{(await Tariff.get(site_id=mall.site_id)).id}"
    assert waiting.may_decide


async def test_two_of_a_kind_do_not_wait_for_one_draft(mall: SmallMall) -> None:
    number = await draft(mall, content("2026-04-01"))
    await submit_draft(mall.as_staff(FINANCE), number, "调整")

    with pytest.raises((AlreadyAsked, DraftNotOpen)):
        await submit_draft(mall.as_staff(MANAGER), number, "调整")

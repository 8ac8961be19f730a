"""A site's policy (预警与断电策略): tried before it is saved, and then what it said happens."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from backend.domain.calendars import DayKind
from backend.errors import Invalid, NotFound
from backend.models.accounts import Account
from backend.models.audit import AuditRecord
from backend.models.messages import Notice
from backend.models.site import PolicyChange, Site
from backend.models.supply import ArrearsEpisode
from backend.services.begin_top_up import HoardLimit, begin_top_up
from backend.services.change_policy import PolicyChanged, change_terms, change_values, show_policy
from backend.services.open_account import open_account
from backend.services.policy_preview import PreviewView, preview_policy
from backend.services.policy_values import PolicyValues, policy_with, values_of
from backend.services.power_limit_list import list_power_limits
from backend.services.power_limits import Limits, NoGrace, set_many_limits
from backend.services.show_calendar import enter_year, remove_days, set_days, show_calendar
from backend.services.site_file import read_site_file
from backend.services.site_load import load_site
from backend.services.site_policy import policy_of
from common.units import Fen
from tests.services.mall import SmallMall
from tests.services.openings import clerk, free, of, opened, wizard
from tests.services.rules import TERMS
from tests.services.site import site_text

MANAGER = 8
ALL = ("A001", "A002", "A003")


async def values(mall: SmallMall, **more: object) -> PolicyValues:
    return replace(values_of(await policy_of(mall.site_id)), **more)


async def try_out(mall: SmallMall, wanted: PolicyValues) -> PreviewView:
    return await preview_policy(mall.as_staff(MANAGER), policy_with(await policy_of(mall.site_id), wanted))


async def save(mall: SmallMall, wanted: PolicyValues) -> None:
    staff = mall.as_staff(MANAGER)
    number = (await show_policy(staff)).number
    await change_values(staff, wanted, based_on=number, reason="收紧策略", request_id=uuid4())
    await mall.runner.run_due()


async def filled(mall: SmallMall) -> None:
    """Three shops that were read, with 15, 40 and 120 yuan."""
    for shop, fen in zip(ALL, (1_500, 4_000, 12_000), strict=True):
        await mall.pay(fen, shop)
        await mall.read(shop)


@pytest.mark.mariadb
async def test_a_smaller_overdraft_cuts_whom_the_preview_named(mall: SmallMall) -> None:
    await save(mall, await values(mall, overdraft_fen=5_000))
    for shop, used in zip(ALL, (1_000, 2_000, 0), strict=True):
        await mall.pay(100, shop)
        await mall.read(shop)
        mall.clock.advance(600)
        await mall.read(shop, used_wh=used)
    assert not any([(await mall.account(shop)).in_arrears for shop in ALL])

    wanted = await values(mall, overdraft_fen=50)
    tried = await try_out(mall, wanted)
    assert await ArrearsEpisode.all().count() == 0
    await save(mall, wanted)

    named = {shop.shop_code for shop in tried.shops if shop.then == "cut"}
    fallen = {shop for shop in ALL if (await mall.account(shop)).in_arrears}
    assert (tried.cut, tried.newly_cut, named, fallen) == (1, 1, {"A002"}, {"A002"})
    await mall.prove("A002")
    mall.clock.advance(61)
    await mall.confirm("A002")
    assert [(await mall.supply(shop)).desired.value for shop in ALL] == ["ON", "OFF", "ON"]


@pytest.mark.mariadb
async def test_levels_that_are_raised_warn_whom_the_preview_named(mall: SmallMall) -> None:
    await filled(mall)
    notices = await Notice.all().count()
    wanted = await values(mall, low_fen=15_000, critical_fen=4_500)

    tried = await try_out(mall, wanted)
    assert await Notice.all().count() == notices
    await save(mall, wanted)

    told = {shop.shop_code: shop.then for shop in tried.shops if shop.told}
    assert told == {"A003": "low"}
    assert (tried.critical, tried.critical_told, tried.low, tried.low_told) == (2, 0, 1, 1)
    assert await Notice.all().count() == notices + 1
    assert (await mall.account("A003")).low_fen == 15_000


async def test_a_shop_that_is_kept_on_or_not_armed_is_shown_as_held(mall: SmallMall) -> None:
    await mall.drain()
    account = await mall.account()
    account.armed = False
    await account.save(update_fields=["armed"])

    tried = await try_out(mall, await values(mall))

    assert [(shop.shop_code, shop.then, shop.holds) for shop in tried.shops] == [
        ("A001", "held", ["not_armed"])
    ]
    assert (tried.cut, tried.held, tried.unknown) == (0, 1, 2)


async def test_a_shop_that_is_off_already_is_counted_and_is_not_new(mall: SmallMall) -> None:
    await mall.cut_off()

    tried = await try_out(mall, await values(mall))

    assert (tried.cut, tried.newly_cut) == (1, 0)


async def test_terms_of_a_shops_own_stay_when_the_policy_changes(mall: SmallMall) -> None:
    own = await mall.account("A001")
    await change_terms(mall.as_staff(MANAGER), own.id, TERMS, "合同约定")

    await save(mall, await values(mall, low_fen=20_000, overdraft_fen=1_000, restore_level_fen=2_000))

    first, second = await mall.account("A001"), await mall.account("A002")
    assert (first.low_fen, first.overdraft_fen, first.restore_level_fen) == (30_000, 5_000, 2_000)
    assert (second.low_fen, second.overdraft_fen, second.restore_level_fen) == (20_000, 1_000, 2_000)
    (shown,) = (await show_policy(mall.as_staff(MANAGER))).own
    assert (shown.shop_code, shown.terms) == ("A001", {"low_fen": 30_000, "overdraft_fen": 5_000})

    await change_terms(mall.as_staff(MANAGER), own.id, dict.fromkeys(TERMS), "恢复统一策略")
    assert (await mall.account("A001")).low_fen == 20_000


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"critical_fen": 10_001}, "critical_fen"),
        ({"critical_days": 6}, "critical_days"),
        ({"restore_level_fen": 0}, "restore_level_fen"),
        ({"no_trip_windows": ["18:00-18:00"]}, "no_trip_windows"),
    ],
)
async def test_a_policy_that_contradicts_itself_is_refused(
    mall: SmallMall, what: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await save(mall, await values(mall, **what))

    assert set(refused.value.fields or {}) == {field}
    assert await PolicyChange.all().count() == 0


@pytest.mark.mariadb
async def test_a_change_is_on_record_with_what_was_before_and_after(mall: SmallMall) -> None:
    await save(mall, await values(mall, delay_s=3_600, low_days=7))

    (change,) = (await show_policy(mall.as_staff(MANAGER))).changes
    record = await AuditRecord.filter(operation="staff.policy.change").get()

    assert (change.number, change.before, change.after) == (
        1,
        {"delay_s": 60, "low_days": 5},
        {"delay_s": 3_600, "low_days": 7},
    )
    assert '"after":{"delay_s":3600,"low_days":7}' in record.facts


async def test_two_who_change_at_once_do_not_undo_one_another(mall: SmallMall) -> None:
    staff, wanted = mall.as_staff(MANAGER), await values(mall, delay_s=3_600)
    await change_values(staff, wanted, based_on=0, reason="一", request_id=uuid4())

    with pytest.raises(PolicyChanged):
        await change_values(staff, wanted, based_on=0, reason="二", request_id=uuid4())


async def test_the_same_request_changes_once(mall: SmallMall) -> None:
    staff, wanted, request_id = mall.as_staff(MANAGER), await values(mall, delay_s=3_600), uuid4()

    for _ in range(2):
        await change_values(staff, wanted, based_on=0, reason="一", request_id=request_id)

    assert await PolicyChange.all().count() == 1


async def test_a_site_file_loaded_again_leaves_what_the_staff_have_set(mall: SmallMall) -> None:
    await save(mall, await values(mall, delay_s=3_600))

    await load_site(mall.ctx, read_site_file(site_text(3)))

    assert (await policy_of(mall.site_id)).delay_s == 3_600


async def test_nothing_is_stored_above_the_hoard_limit(mall: SmallMall) -> None:
    await save(mall, await values(mall, hoard_limit_fen=20_000))
    tenant, account = await mall.as_tenant(), await mall.account()

    with pytest.raises(HoardLimit):
        await begin_top_up(tenant, account.id, Fen(20_001), "r1")
    await begin_top_up(tenant, account.id, Fen(20_000), "r2")


async def test_the_year_is_shown_with_who_says_what_each_day_is(mall: SmallMall) -> None:
    staff = mall.as_staff(MANAGER)

    known, unknown = await show_calendar(staff, 2026), await show_calendar(staff, 2027)

    days = {day.on: day for day in known.days}
    assert (known.official, unknown.official) == (True, False)
    assert (days[date(2026, 10, 1)].kind, days[date(2026, 10, 1)].source) == (DayKind.HOLIDAY, "official")
    assert (days[date(2026, 10, 10)].kind, days[date(2026, 10, 10)].no_trip) == (DayKind.MAKE_UP, False)
    assert days[date(2026, 10, 9)].source == "week"
    kinds = {day.kind for day in unknown.days}
    assert kinds == {DayKind.UNKNOWN, DayKind.WEEKEND}
    assert all(day.no_trip for day in unknown.days if day.kind is DayKind.UNKNOWN)


@pytest.mark.mariadb
async def test_a_holiday_of_the_sites_own_keeps_shops_on(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    staff, today = mall.as_staff(MANAGER), date(2026, 3, 2)
    await set_days(staff, today, today, "三月三", True, "本地放假", uuid4())
    await mall.runner.run_due()
    await mall.confirm()
    assert ((await mall.supply()).desired.value, await mall.holds()) == ("ON", ["window"])

    await remove_days(staff, today, today, "录入有误", uuid4())
    await mall.runner.run_due()
    await mall.confirm()

    assert (await mall.supply()).desired.value == "OFF"


async def test_on_a_day_not_yet_announced_nobody_is_cut_until_the_year_is_entered(mall: SmallMall) -> None:
    mall.clock.advance(timedelta(days=365).total_seconds())  # 2027-03-02, a Tuesday.
    staff = mall.as_staff(MANAGER)
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.confirm()
    assert ((await mall.supply()).desired.value, await mall.holds()) == ("ON", ["window"])

    with pytest.raises(Invalid):
        await enter_year(staff, 2027, True, "国办通知", uuid4())
    await set_days(staff, date(2027, 10, 1), date(2027, 10, 7), "国庆节", True, "国办通知", uuid4())
    await enter_year(staff, 2027, True, "国办通知", uuid4())
    await mall.runner.run_due()
    await mall.confirm()

    assert (await mall.supply()).desired.value == "OFF"
    assert (await show_calendar(staff, 2027)).entered


async def test_days_that_are_over_are_not_changed(mall: SmallMall) -> None:
    with pytest.raises(Invalid) as refused:
        await set_days(mall.as_staff(MANAGER), date(2026, 3, 1), date(2026, 3, 5), "x", True, "补录", uuid4())

    assert set(refused.value.fields or {}) == {"first_on"}


@pytest.mark.mariadb
async def test_several_shops_get_their_limits_together_or_not_at_all(mall: SmallMall) -> None:
    await mall.read(power_w=4_000)
    ids = [(await mall.account(shop)).id for shop in ALL]
    staff, limits = (
        mall.as_staff(MANAGER),
        Limits(power_limit_w=3_000, night_limit_w=500, tell_s=20, trip_s=60),
    )

    await set_many_limits(staff, ids, limits, "合同功率")
    with pytest.raises(NoGrace):
        await set_many_limits(
            staff, ids, Limits(power_limit_w=1, night_limit_w=None, tell_s=90, trip_s=60), "错"
        )
    with pytest.raises(NotFound):
        await set_many_limits(staff, [*ids, 5], Limits(power_limit_w=1, night_limit_w=None), "错")

    lines = await list_power_limits(staff)
    assert [(line.shop_code, line.own.power_limit_w, line.tell_s, line.retries) for line in lines] == [
        (shop, 3_000, 20.0, 3) for shop in ALL
    ]
    assert [meter.power_w for line in lines for meter in line.meters] == [4_000, None, None]
    assert await AuditRecord.filter(operation="staff.power_limit").count() == 3


async def test_a_policy_of_another_site_is_not_touched(mall: SmallMall) -> None:
    other = site_text(1).replace('code = "test"', 'code = "other"').replace("A001", "Z001")
    await load_site(mall.ctx, read_site_file(other))
    before = (await Site.get(code="other")).policy

    await save(mall, await values(mall, delay_s=3_600))

    assert (await Site.get(code="other")).policy == before


async def test_an_account_that_is_opened_follows_the_policy_where_nothing_else_was_agreed(
    mall: SmallMall,
) -> None:
    await save(mall, await values(mall, low_fen=20_000, critical_fen=8_000))
    meter = await free(mall)
    manager = clerk(mall, "staff.policy.change")
    agreed = await wizard(mall, of(meter), terms={"low_days": 9, "overdraft_fen": 7_000})

    account = await Account.get(id=int((await open_account(manager, agreed)).account_id))

    assert (account.low_fen, account.critical_fen, account.low_days, account.overdraft_fen) == (
        20_000,
        8_000,
        9,
        7_000,
    )
    await save(mall, await values(mall, low_fen=15_000, overdraft_fen=1_000, low_days=4))
    account = await Account.get(id=account.id)
    assert (account.low_fen, account.low_days, account.overdraft_fen) == (15_000, 9, 7_000)


async def test_a_new_account_within_its_grace_is_not_said_to_be_cut(mall: SmallMall) -> None:
    await opened(mall, of(await free(mall)))

    tried = await try_out(mall, await values(mall))

    assert [shop.shop_code for shop in tried.shops if shop.then in {"cut", "held"}] == []


async def test_terms_of_one_shop_are_tried_without_the_others(mall: SmallMall) -> None:
    await filled(mall)
    account, policy = await mall.account("A003"), await policy_of(mall.site_id)

    tried = await preview_policy(mall.as_staff(MANAGER), policy, {account.id: {"low_fen": 20_000}})

    assert [(shop.shop_code, shop.told) for shop in tried.shops if shop.now != shop.then] == [("A003", True)]
    assert (await mall.account("A003")).low_fen == 10_000

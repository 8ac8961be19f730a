"""What people see of a power limit, and what the staff set."""

import pytest

from backend.errors import NotFound
from backend.models.audit import AuditRecord
from backend.services.power_limits import Limits, NoGrace, list_watches, set_limits
from backend.services.show_board import show_board
from backend.services.show_home import show_home
from backend.services.show_meter import show_meter
from backend.services.site_file import SiteFileError, read_site_file
from backend.services.site_load import load_site
from backend.services.site_policy import policy_of
from common.wire import Relay, Stage
from tests.services.mall import SmallMall
from tests.services.site import site_text

SHORT = Limits(power_limit_w=3_000, night_limit_w=None, tell_s=20, trip_s=60, restore_s=300, retries=1)


@pytest.fixture
async def limited(mall: SmallMall) -> SmallMall:
    await mall.pay(50_000)
    await set_limits(mall.as_staff(5), (await mall.account()).id, SHORT, "合同功率")
    await mall.read(power_w=0)
    return mall


async def over(mall: SmallMall, seconds: int) -> None:
    for _ in range(seconds // 10):
        mall.clock.advance(10)
        await mall.read(power_w=5_000, relay=Relay.ON)


@pytest.mark.mariadb
async def test_a_limit_is_set_with_a_record(limited: SmallMall) -> None:
    account = await limited.account()

    assert (account.power_limit_w, account.power_trip_s, account.power_retries) == (3_000, 60, 1)
    record = await AuditRecord.all().order_by("-sequence").first()
    assert record is not None
    assert (record.operation, record.object, record.reason) == (
        "staff.power_limit",
        f"account:{account.id}",
        "合同功率",
    )


async def test_a_trip_before_anybody_is_told_cannot_be_set(mall: SmallMall) -> None:
    limits = Limits(power_limit_w=3_000, night_limit_w=None, tell_s=60, trip_s=60)

    with pytest.raises(NoGrace):
        await set_limits(mall.as_staff(5), (await mall.account()).id, limits, "试试")

    assert (await mall.account()).power_limit_w is None


async def test_another_malls_shop_is_not_found(mall: SmallMall) -> None:
    number = (await mall.account()).id
    mall.site_id += 1

    with pytest.raises(NotFound):
        await set_limits(mall.as_staff(5), number, SHORT, "试试")


async def test_a_limit_taken_away_ends_the_count_and_its_alarm(limited: SmallMall) -> None:
    await over(limited, 40)
    assert await limited.alarms() == ["over_power"]

    none = Limits(power_limit_w=None, night_limit_w=None)
    await set_limits(limited.as_staff(5), (await limited.account()).id, none, "已增容")

    assert await limited.alarms() == []
    assert await list_watches(limited.as_staff(5)) == []


async def test_the_staff_see_who_is_over_and_what_comes_next(limited: SmallMall) -> None:
    await over(limited, 40)

    (view,) = await list_watches(limited.as_staff(5))

    assert (view.serial, view.state, view.power_w, view.power_limit_w) == ("T0001", "told", 5_000, 3_000)
    assert view.trip_at is not None and (view.trip_at - limited.clock.now()).total_seconds() == 30
    board = await show_board(limited.as_staff(5))
    assert [row.power_state for row in board.rows] == ["told", None, None, None]
    detail = await show_meter(limited.as_staff(5), (await limited.meter()).id)
    assert (detail.power_limit_w, detail.power_watch) == (3_000, view)


async def test_the_tenant_is_told_what_to_do(limited: SmallMall) -> None:
    tenant = await limited.as_tenant()
    await over(limited, 40)

    (supply,) = (await show_home(tenant)).accounts[0].supplies

    assert supply.power_warning == "用电功率超过限值，请立即减少用电，否则最早 10:31:10 断电"
    assert supply.off_reason is None


async def test_the_tenant_sees_why_it_is_off_and_when_it_comes_back(limited: SmallMall) -> None:
    tenant = await limited.as_tenant()
    found = []
    for _ in range(2):
        await over(limited, 100)
        await limited.outcome(Stage.VERIFIED, relay=Relay.OFF)
        (supply,) = (await show_home(tenant)).accounts[0].supplies
        found.append(supply.off_reason)
        assert supply.power_warning is None
        await limited.wait(300)

    assert found == [
        "用电功率超过限值，已断电，请关掉大功率电器，10:36 左右自动送电",
        "用电功率超过限值，已断电，请减少用电后联系物业",
    ]


async def test_the_site_file_sets_times_and_limits_and_leaves_what_it_does_not_name(
    mall: SmallMall,
) -> None:
    await set_limits(mall.as_staff(5), (await mall.account("A002")).id, SHORT, "合同功率")
    text = site_text(3).replace("[policy]", "[policy]\npower_tell_s = 3\npower_trip_s = 6", 1)
    text = text.replace('code = "A001"', 'code = "A001"\npower_limit_w = 9000\nnight_limit_w = 500', 1)

    await load_site(mall.ctx, read_site_file(text))

    policy = await policy_of(mall.site_id)
    assert (policy.power_tell_s, policy.power_trip_s, policy.power_retries) == (3, 6, 3)
    first, second = await mall.account(), await mall.account("A002")
    assert (first.power_limit_w, first.night_limit_w, second.power_limit_w) == (9_000, 500, 3_000)


def test_a_site_file_that_trips_before_it_tells_is_refused() -> None:
    text = site_text(1).replace("[policy]", "[policy]\npower_tell_s = 60\npower_trip_s = 60", 1)

    with pytest.raises(SiteFileError) as error:
        read_site_file(text)

    assert list((error.value.fields or {}).values()) == ["功率超限的断电时间必须长于提醒时间"]

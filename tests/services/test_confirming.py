"""Only a meter that was read confirms a trip: nothing typed, kept or peeked, and no other meter unread."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.models.accounts import Account
from backend.models.meters import Meter, MeterState
from backend.models.supply import Supply
from backend.services.decide_supply import decide_account
from backend.services.locks import lock_account
from backend.services.ratio_changes import RatioBody, ask_ratio_change, decide_ratio_change, report_replaced
from backend.store import rows, unit_of_work
from common.wire import FrozenDay, ReadingKind, Relay
from tests.services.mall import SmallMall, small_mall
from tests.services.site import meter_text, site_text

pytestmark = pytest.mark.mariadb


async def replaced(mall: SmallMall) -> int:
    body = RatioBody(ct_ratio=2, rated_power_w=26_400, replaced=True, reason="更换互感器")
    number = int(await ask_ratio_change(mall.as_staff(5), (await mall.meter()).id, body))
    await decide_ratio_change(mall.as_staff(6), number, granted=True)
    return number


async def test_a_register_that_was_written_down_confirms_no_trip(mall: SmallMall) -> None:
    change = await replaced(mall)
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await report_replaced(mall.as_staff(5), change, 1_001_200)
    mall.clock.advance(6)

    await mall.read(used_wh=1)

    assert (await mall.supply()).desired is Relay.ON
    found = await rows("SELECT kind, verdict FROM reading ORDER BY read_at_ms")
    assert [(row["kind"], row["verdict"]) for row in found][-2:] == [
        ("typed", "accepted"),
        ("poll", "accepted"),
    ]
    mall.clock.advance(6)
    await mall.read(used_wh=1)
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_midnight_that_the_meter_kept_confirms_no_trip(mall: SmallMall) -> None:
    mall.clock.move_to(datetime.fromisoformat("2026-03-02T23:45:00+08:00").astimezone(UTC))
    await mall.drain()
    mall.clock.advance(120)
    await mall.read(used_wh=300)  # The night's price is lower.
    await mall.prove()
    mall.clock.move_to(datetime.fromisoformat("2026-03-03T00:00:30+08:00").astimezone(UTC))
    kept = FrozenDay(at=mall.clock.now() - timedelta(seconds=30), register_wh=1_001_501)

    await mall.read(used_wh=2, frozen=(kept,))

    assert (await mall.supply()).desired is Relay.ON
    mall.clock.advance(6)
    await mall.read(used_wh=1)
    assert (await mall.supply()).desired is Relay.OFF


async def test_an_outage_is_one_although_a_register_was_written_down_within_it(mall: SmallMall) -> None:
    change = await replaced(mall)
    await mall.drain()
    await mall.prove()
    mall.clock.advance(600)
    await report_replaced(mall.as_staff(5), change, 1_001_200)
    mall.clock.advance(600)
    await mall.confirm()

    assert await mall.holds() == ["delay"]
    mall.clock.advance(61)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_peek_shows_a_silent_meter_and_its_doubt_stays(mall: SmallMall) -> None:
    await mall.read()
    meter = await mall.meter()
    silent_at = mall.clock.now()
    await MeterState.filter(meter_id=meter.id).update(silent_since_at=silent_at)
    mall.clock.advance(60)

    await mall.push(mall.reading(meter, 1_000_100, kind=ReadingKind.PEEK, power_w=700))

    state = await mall.state()
    assert (state.power_w, state.shown_at, state.silent_since_at) == (700, mall.clock.now(), silent_at)
    await mall.read(used_wh=100)
    assert (await mall.state()).silent_since_at is None


async def test_nobody_is_cut_while_another_meter_of_theirs_is_unread(store: str, tmp_path: Path) -> None:
    mall = await small_mall(tmp_path, text=site_text(1, more=meter_text("T0009", 9, 'shop = "A001"')))
    first, second = await Meter.get(serial="T0001"), await Meter.get(serial="T0009")
    register_wh = 0

    async def read(*meters: Meter, used_wh: int = 0) -> None:
        nonlocal register_wh
        register_wh += used_wh
        await mall.contact()
        await mall.push(*[mall.reading(meter, register_wh) for meter in meters])

    await mall.pay(100)
    await read(first, second)
    mall.clock.advance(600)
    await read(first, second, used_wh=1_200)
    await mall.prove()
    for _ in range(20):
        mall.clock.advance(60)
        await mall.push(mall.reading(second, register_wh, kind=ReadingKind.PEEK))

    await read(first)
    mall.clock.advance(61)
    await read(first)
    mall.clock.advance(6)
    await read(first)

    assert (await Supply.get(meter_id=first.id)).desired is Relay.ON
    assert "doubt" in (await Supply.get(meter_id=first.id)).holds
    await read(first, second)  # After its silence the delay counts anew.
    mall.clock.advance(61)
    await read(first, second)
    mall.clock.advance(6)
    await read(first, second)
    account = await Account.get()
    await unit_of_work(lambda: _decide(mall, account.id))
    assert (await Supply.get(meter_id=first.id)).desired is Relay.OFF


async def _decide(mall: SmallMall, account_id: int) -> None:
    await decide_account(mall.ctx, await lock_account(account_id), "time")

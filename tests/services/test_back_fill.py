"""After an outage of the backend: the newest state is shown, what waited is charged in order, none is cut."""

from datetime import timedelta

import pytest

from backend.models.supply import ReadRequest, Supply
from backend.services.control_supply import read_now
from backend.services.show_board import show_board
from backend.services.show_meter import show_read
from backend.store import rows
from common.wire import Reading, ReadingKind, Relay, Stage
from tests.services.mall import SmallMall

pytestmark = pytest.mark.mariadb


async def waited(mall: SmallMall, minutes: int, each_wh: int) -> list[Reading]:
    """Let the backend be away so long, a reading a minute; returns what waits, oldest first."""
    meter = await mall.meter()
    found = []
    for _ in range(minutes):
        mall.clock.advance(60)
        mall.registers["A001"] += each_wh
        found.append(mall.reading(meter, mall.registers["A001"]))
    return found


async def peek(mall: SmallMall, register_wh: int, **more: object) -> None:
    await mall.push(mall.reading(await mall.meter(), register_wh, kind=ReadingKind.PEEK, **more))


async def test_a_peek_is_shown_and_never_charged(mall: SmallMall) -> None:
    await mall.read(power_w=100)
    backlog = await waited(mall, 10, 100)

    await peek(mall, 1_001_000, power_w=6_000, relay=Relay.OFF)

    state = await mall.state()
    assert (state.accrued_wh, state.register_wh) == (0, 1_000_000)
    assert (state.power_w, state.relay, state.shown_at) == (6_000, Relay.OFF, mall.clock.now())
    row = next(row for row in (await show_board(mall.as_staff(5))).rows if row.shop_code == "A001")
    assert (row.shown_at, row.read_at) == (mall.clock.now(), backlog[0].read_at - timedelta(seconds=60))
    assert await mall.verdicts() == ["first"]


async def test_what_waited_is_charged_in_its_own_intervals_and_shows_nothing_old(mall: SmallMall) -> None:
    await mall.read()
    backlog = await waited(mall, 10, 100)
    await peek(mall, 1_001_000, power_w=6_000)

    await mall.push(*[Reading(**{**_fields(one), "power_w": 1}) for one in backlog])

    state = await mall.state()
    assert (state.accrued_wh, state.power_w, state.read_at) == (1_000, 1, mall.clock.now())
    assert await mall.verdicts() == ["first"] + ["accepted"] * 10
    assert (await rows("SELECT SUM(estimated) AS n FROM accrual"))[0]["n"] == 0


async def test_an_older_reading_does_not_take_the_place_of_what_is_shown(mall: SmallMall) -> None:
    await mall.read()
    backlog = await waited(mall, 10, 100)
    await peek(mall, 1_001_000, power_w=6_000)

    await mall.push(Reading(**{**_fields(backlog[0]), "power_w": 1}))

    state = await mall.state()
    assert (state.power_w, state.shown_at) == (6_000, mall.clock.now())
    assert state.read_at == backlog[0].read_at


async def test_a_peek_answers_who_wants_to_see_and_confirms_no_trip(mall: SmallMall) -> None:
    staff = mall.as_staff(5)
    asked = await read_now(staff, (await mall.meter()).id)
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.contact()
    await mall.read(used_wh=1)
    confirming = await ReadRequest.get(purpose="confirm", answered_at=None)

    await peek(mall, 1_001_201, request_id=asked)
    mall.clock.advance(6)
    await peek(mall, 1_001_201, request_id=str(confirming.id))

    assert (await show_read(staff, int(asked))).state == "answered"
    assert (await ReadRequest.get(id=confirming.id)).answered_at is None
    assert (await mall.supply()).desired is Relay.ON


async def test_arrears_found_in_what_waited_are_warned_about_first(mall: SmallMall) -> None:
    await mall.pay(100)
    await mall.read()
    backlog = await waited(mall, 40, 50)  # 2 kWh for 1.90 yuan.
    await mall.contact()
    await peek(mall, backlog[-1].register_wh)

    for start in range(0, 40, 10):
        await mall.push(*backlog[start : start + 10])
        assert (await mall.supply()).desired is Relay.ON

    await mall.confirm()
    assert (await mall.account()).in_arrears
    assert (await mall.supply()).desired is Relay.ON  # Nobody has been warned yet.
    await mall.prove()
    mall.clock.advance(61)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF


async def test_a_shop_in_arrears_gets_its_delay_anew_after_the_backlog(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    backlog = await waited(mall, 40, 10)
    await mall.contact()
    await mall.push(*backlog[:30])
    await mall.push(*backlog[30:])

    await mall.confirm()

    assert await mall.holds() == ["delay"]
    assert (await mall.supply()).desired is Relay.ON
    await mall.wait(61)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF


async def test_an_expired_trip_is_not_repeated_on_old_readings(mall: SmallMall) -> None:
    await mall.drain()
    await mall.prove()
    mall.clock.advance(61)
    await mall.confirm()
    assert (await mall.supply()).desired is Relay.OFF
    backlog = await waited(mall, 40, 10)
    await mall.contact()

    await mall.outcome(Stage.EXPIRED)  # Outcomes do not wait for the backlog.
    assert (await mall.supply()).desired is Relay.ON
    await mall.push(*backlog[:30])
    await mall.push(*backlog[30:])
    await mall.confirm()

    assert (await Supply.get(meter_id=(await mall.meter()).id)).desired is Relay.ON
    assert await mall.holds() == ["delay"]


def _fields(reading: Reading) -> dict[str, object]:
    return {name: getattr(reading, name) for name in reading.__struct_fields__}

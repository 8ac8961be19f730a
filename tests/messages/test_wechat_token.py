"""Access tokens: asked for once by many, renewed once when refused, forced only within limits."""

import asyncio
from collections.abc import Callable

from backend.messages.port import SendState
from simulator.wechat_faults import MessageFault
from tests.messages.conftest import Scene, World

Play = Callable[[Scene], None]
HOUR_S = 3_600.0


def test_many_messages_at_once_ask_for_one_token(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant(consents=20)

        results = await asyncio.gather(*(world.send("subscribe", person.openid) for _ in range(20)))

        assert {result.state for result in results} == {SendState.ACCEPTED}
        assert world.wechat.tokens.granted == 1

    play(scene)


def test_each_app_has_its_own_token(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant()
        await world.send("subscribe", person.openid)
        await world.send("template", person.service_openid)

        assert world.wechat.tokens.granted == 2

    play(scene)


def test_a_token_is_kept_while_it_lives_and_replaced_before_its_end(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant(consents=5)
        for wait_s in (0, 1.5 * HOUR_S, 0.5 * HOUR_S - 100, HOUR_S):
            await world.clock.sleep(wait_s)
            assert (await world.send("subscribe", person.openid)).state is SendState.ACCEPTED

        assert world.wechat.tokens.granted == 2
        assert world.wechat.errors == {}

    play(scene)


def test_a_token_that_somebody_else_forced_out_is_replaced_without_forcing(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant(consents=2)
        await world.send("subscribe", person.openid)
        world.wechat.tokens.revoke(world.settings.mini_program.appid)

        assert (await world.send("subscribe", person.openid)).state is SendState.ACCEPTED
        assert world.wechat.tokens.granted == 2
        assert world.wechat.errors == {40001: 1}

    play(scene)


def test_a_token_refused_for_no_reason_is_forced_once(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant(consents=2)
        world.wechat.switches.set(MessageFault.TOKEN_REJECTED, times=1)

        assert (await world.send("subscribe", person.openid)).state is SendState.ACCEPTED
        assert world.wechat.tokens.granted == 2

    play(scene)


def test_a_token_that_is_always_refused_ends_in_a_failure(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant()
        world.wechat.switches.set(MessageFault.TOKEN_REJECTED)

        first = await world.send("subscribe", person.openid)
        second = await world.send("subscribe", person.openid)

        assert (first.state, first.code, first.retryable) == (SendState.FAILED, "40001", True)
        # A second one within 30 s may not be forced: nothing is sent.
        assert (second.state, second.code) == (SendState.FAILED, "no_token")
        assert world.wechat.tokens.granted == 2

    play(scene)


def test_tokens_are_forced_no_more_than_twenty_times_a_day(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant()
        world.wechat.switches.set(MessageFault.TOKEN_REJECTED)
        for _ in range(25):
            await world.send("subscribe", person.openid)
            await world.clock.sleep(60)

        assert world.wechat.tokens.granted == 21
        assert 45009 not in world.wechat.errors

    play(scene)


def test_the_old_token_serves_on_while_a_new_one_cannot_be_had(play: Play) -> None:
    async def scene(world: World) -> None:
        person = world.tenant(consents=2)
        await world.send("subscribe", person.openid)
        await world.clock.sleep(2 * HOUR_S - 100)
        world.wechat.switches.set(MessageFault.DOWN, subject="token")

        assert (await world.send("subscribe", person.openid)).state is SendState.ACCEPTED

    play(scene)

"""Streams on virtual time: beats come on time and lose no event."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from backend.beats import BEAT, with_beats
from common.clock import run_virtual


async def slow_events(ends: list[str]) -> AsyncIterator[str]:
    try:
        for number in range(2):
            await asyncio.sleep(40)
            yield f"event {number}"
    finally:
        ends.append("closed")


def test_a_beat_comes_in_each_silence_and_no_event_is_lost() -> None:
    async def listen() -> list[str]:
        return [text async for text in with_beats(slow_events([]), 15)]

    assert run_virtual(listen) == [BEAT, BEAT, "event 0", BEAT, BEAT, "event 1"]


def test_a_listener_who_leaves_closes_the_source() -> None:
    ends: list[str] = []

    async def listen_once() -> None:
        async with aclosing(with_beats(slow_events(ends), 15)) as texts:
            await anext(texts)

    run_virtual(listen_once)

    assert ends == ["closed"]

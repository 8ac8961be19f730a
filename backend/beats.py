"""A stream of events with a beat while nothing happens, so that proxies keep it open (心跳)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

BEAT = ": \n\n"
BEAT_EVERY_S = 15.0


async def with_beats(events: AsyncIterator[str], every_s: float = BEAT_EVERY_S) -> AsyncGenerator[str, None]:
    """Yield the events, and BEAT after each `every_s` of silence; closes `events` at its own end."""

    async def following() -> str | None:
        return await anext(events, None)

    waiting: asyncio.Task[str | None] | None = None
    try:
        while True:
            # A beat must not cancel the generator in its middle: the same step is waited for again.
            waiting = waiting or asyncio.ensure_future(following())
            done, _ = await asyncio.wait({waiting}, timeout=every_s)
            if not done:
                yield BEAT
                continue
            text, waiting = waiting.result(), None
            if text is None:
                return
            yield text
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait({waiting})
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()

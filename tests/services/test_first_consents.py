"""Several answers to one question at the same moment, before anything was known of it (首次订阅)."""

import asyncio
from dataclasses import replace

import pytest

from backend.messages.events import ConsentSource, SubscribeConsent
from backend.models.messages import Consent
from backend.services.accept_events import accept_events
from backend.store import dialect, rows, unit_of_work
from tests.services.fakes import FakeGateway
from tests.services.mall import SmallMall

AT_ONCE = 8


@pytest.mark.mariadb
async def test_first_answers_that_come_together_all_count(mall: SmallMall) -> None:
    async def look() -> None:
        await unit_of_work(lambda: rows("SELECT SLEEP(0.05)" if dialect() == "mysql" else "SELECT 1"))

    await asyncio.gather(*(look() for _ in range(AT_ONCE)))  # Connections are made one after the other.

    async def push(number: int) -> None:
        event = SubscribeConsent(
            key=f"k{number}",
            openid="mini-1",
            at=mall.clock.now(),
            template_id="T-LOW",
            accepted=True,
            source=ConsentSource.POPUP,
        )
        ctx = replace(mall.ctx, messages=FakeGateway(events=[event]))
        await accept_events(ctx, "mini-program", {})

    await asyncio.gather(*(push(number) for number in range(AT_ONCE)))

    assert (await Consent.get()).left == AT_ONCE

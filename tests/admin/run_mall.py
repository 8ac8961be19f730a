"""Run every real process of a small mall until the input ends: `python -m tests.admin.run_mall FOLDER`.

A process of its own, since a process has one open store and the tests' own is another mall's. Prints one
line of JSON with the addresses once all is up.
"""

import asyncio
import json
import sys
from pathlib import Path

from backend.models.site import Shop
from simulator.demo import hire
from simulator.stack import Stack, StackOptions
from tests.admin.mall import VACANT_SHOP

OPTIONS = StackOptions(
    redis=False, shafts=2, lines=1, prepaid=18, public=2, mixed=False, delay_s=1, poll_interval_s=5.0
)


async def main(folder: Path) -> None:
    running = Stack(folder, OPTIONS)
    try:
        await running.prepare()
        await running.load()
        async with running.context(inline=True) as ctx:
            await hire(ctx, running.site_id)
            await Shop.create(
                id=ctx.ids.new(), site_id=running.site_id, code=VACANT_SHOP, name="空铺", floor="1F"
            )
        await running.run()
        addresses = {
            "private_port": running.private_port,
            "public_port": running.public_port,
            "mall_url": running.mall_url,
            "world_url": running.world_url,
            "database": str(running.folder / "prewatt.db"),
        }
        print(json.dumps(addresses), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await running.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

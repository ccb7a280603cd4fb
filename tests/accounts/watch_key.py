"""A process of the service, as far as keys go: says when it knows a key, and when it does not any more."""

import asyncio
import sys
import time

from quantum_scheduler.accounts.doorkeeper import Doorkeeper
from quantum_scheduler.accounts.model import KeyUnknown
from quantum_scheduler.accounts.pepper import read_peppers
from quantum_scheduler.postgres.connect import open_pool
from quantum_scheduler.postgres.listen import Listener

PATIENCE_S = 60.0


async def watch(dsn: str, key: str, peppers: str) -> None:
    pool = await open_pool(dsn)
    async with Listener(dsn) as listener, Doorkeeper(pool, listener, peppers=read_peppers(peppers)) as door:
        await door.admit(key)
        print("known", flush=True)  # noqa: T201
        give_up_at = time.time() + PATIENCE_S
        try:
            while time.time() < give_up_at:
                await door.admit(key)
                await asyncio.sleep(0.001)
        except KeyUnknown:
            print("refused", flush=True)  # noqa: T201
    pool.terminate()


asyncio.run(watch(*sys.argv[1:]))

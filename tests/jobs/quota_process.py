"""A process that submits, claims and settles jobs until it is killed: `python -m tests.jobs.quota_process DSN ORG`.

It prints a line after each transaction.
"""

import asyncio
import sys
from uuid import UUID

from tests.jobs.conftest import LANE, Desk, succeed

from quantum_scheduler.accounts.quota.model import QuotaExceeded
from quantum_scheduler.postgres.connect import open_pool


async def main(dsn: str, org_id: str) -> None:
    pool = await open_pool(dsn, size_max=1)
    desk = Desk(pool, UUID(org_id))
    worker_id = await desk.register()
    while True:
        try:
            await desk.submit(time_limit_s=1)
        except QuotaExceeded:
            print("refused", flush=True)  # noqa: T201  whoever kills this process counts the lines
        claims = await desk.claim(worker_id, 1, lane=LANE)
        await desk.settle(*(succeed(claim) for claim in claims))
        print("settled", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

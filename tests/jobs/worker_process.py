"""A worker as a process of its own: `python -m tests.jobs.worker_process DSN SLOTS LEASE_S`; SIGTERM lets it finish."""

import asyncio
import signal
import sys

from tests.jobs.errands import ErrandPool

from quantum_scheduler.jobs.model import solve_lane
from quantum_scheduler.worker import Pace, run_worker


async def main(dsn: str, slots: int, lease_s: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pace = Pace(lease_s=lease_s, grace_s=5.0, chance=lambda: 0.5)
    async with ErrandPool(slots) as executor:
        await run_worker(dsn, executor, lanes=[solve_lane("auto")], slots=slots, stop=stop, pace=pace)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))

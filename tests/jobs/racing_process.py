"""A racing worker as a process of its own: `python -m tests.jobs.racing_process DSN LEASE_S FALLS_BACK`.

FALLS_BACK is `yes` or `no`; the vendors are found by PYTHONPATH.
"""

import asyncio
import signal
import sys

from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.worker import Pace, run_worker

LANES = ["solve.searching", "solve.forgetful"]


async def main(dsn: str, lease_s: float, *, falls_back: bool) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pace = Pace(lease_s=lease_s, grace_s=5.0, chance=lambda: 0.5)
    async with ProcessPool(1) as solvers, ProcessPool(1) as callers:
        quantum = QuantumBench(wire=Wire(executor=callers, memory_mb=1024), falls_back=falls_back)
        await run_worker(
            dsn, solvers, lanes=LANES, slots=1, stop=stop, pace=pace, use_cache=False, memory_mb=1024, quantum=quantum
        )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), falls_back=sys.argv[3] == "yes"))

"""A worker that is killed between a submission and its commit: `python -m tests.jobs.remote_worker DSN FILE`.

The provider is a file that outlives it: a line for every key that something was submitted under.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.jobs.errands import ANSWER, ErrandPool

from quantum_scheduler.jobs.model import Claim, Outcome, Sleep, Succeeded, solve_lane
from quantum_scheduler.jobs.pursue import pursue
from quantum_scheduler.jobs.solve import Bench
from quantum_scheduler.worker import run_worker


@dataclass
class FileProvider:
    """A provider whose memory is a file; with `is_deadly`, whoever submits to it is killed before it hears back."""

    file: Path
    recovers: bool
    is_deadly: bool = False

    async def submit(self, key: str) -> Sleep:
        with self.file.open("a") as file:
            file.write(f"{key}\n")
        if self.is_deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return _wait_for(key)

    async def recover(self, key: str) -> Sleep | None:
        return _wait_for(key) if key in self.file.read_text().splitlines() else None

    async def poll(self, handle: Mapping[str, Any]) -> Outcome:
        return Succeeded(result=ANSWER | {"key": handle["key"]})

    async def cancel(self, handle: Mapping[str, Any]) -> None:
        raise AssertionError("nothing is cancelled here")

    async def handle(self, bench: Bench, claim: Claim) -> Outcome:
        return await pursue(bench, claim, self, now=lambda: datetime.now(UTC))


def _wait_for(key: str) -> Sleep:
    return Sleep(until=datetime.now(UTC), handle={"key": key})


async def main(dsn: str, file: str) -> None:
    provider = FileProvider(Path(file), recovers=True, is_deadly=True)
    handlers = {"solve": provider.handle}
    async with ErrandPool(1) as executor:
        lanes, stop = [solve_lane("auto")], asyncio.Event()
        await run_worker(dsn, executor, lanes=lanes, slots=1, stop=stop, handlers=handlers)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

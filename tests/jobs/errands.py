"""What the jobs of these tests ask for, done in the processes of a real pool."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from quantum_scheduler.jobs.solve import COMPUTE
from quantum_scheduler.solving.pool import ProcessPool

ROOT = Path(__file__).parents[2]
PERFORM = "tests.jobs.errands:perform"
FINGERPRINT = "f" * 64
ANSWER: dict[str, Any] = {
    "status": "infeasible",
    "backend": "classical",
    "fingerprint": FINGERPRINT,
    "time_limit_s": 10.0,
    "solution": None,
    "objective": None,
}


class Refused(Exception):  # noqa: N818  an error is named for what happened
    def __init__(self, kind: str) -> None:
        super().__init__(f"refused as {kind}")
        self.kind = kind


def perform(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Do the errand that stands in place of the problem; each start is one line in the file it names."""
    given = json.loads(argument)
    errand = given["problem"]
    if "log" in errand:
        with Path(errand["log"]).open("a") as log:
            log.write(f"{os.getpid()}\n")
    match errand.get("do"):
        case "sleep":
            time.sleep(errand["s"])
        case "crash":
            os._exit(1)
        case "fail":
            raise Refused(errand["kind"])
        case "report":
            for step in range(errand["steps"]):
                report(json.dumps({"elapsed_s": step / 10, "objective": step, "bound": None}).encode())
                time.sleep(0.1)
    return json.dumps(ANSWER | {"info": given["request"]}).encode()


class ErrandPool:
    """A pool of processes that does errands where it is asked to compute."""

    def __init__(self, size: int) -> None:
        self._pool = ProcessPool(size, environ={**os.environ, "PYTHONPATH": str(ROOT)})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run(
        self,
        function: str,
        argument: bytes,
        *,
        timeout_s: float,
        memory_mb: int,
        on_progress: Callable[[bytes], None] | None = None,
    ) -> bytes:
        return await self._pool.run(
            PERFORM if function == COMPUTE else function,
            argument,
            timeout_s=timeout_s,
            memory_mb=memory_mb,
            on_progress=on_progress,
        )

    def resize(self, calls: int) -> None:
        self._pool.resize(calls)

    async def close(self) -> None:
        await self._pool.close()

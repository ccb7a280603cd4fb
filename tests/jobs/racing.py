"""A race track: a queue, two backends far away that can be told to misbehave, and a worker in slow motion."""

import asyncio
import importlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.jobs.conftest import PATIENCE_S, Desk
from tests.jobs.errands import ROOT

from quantum_scheduler.backends.load import is_local, list_backends
from quantum_scheduler.jobs.look_up import read_result
from quantum_scheduler.jobs.model import Claim, Job, Outcome
from quantum_scheduler.jobs.perform import perform_claim
from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.jobs.solve import COMPUTE, Bench
from quantum_scheduler.problems.read import read_document
from quantum_scheduler.problems.solution import read_solution
from quantum_scheduler.problems.verify import verify
from quantum_scheduler.solving.attempt import list_attempts
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.probe import CANARY_OPTIMUM, write_canary
from quantum_scheduler.solving.routing_model import Attempt, Breaker, Rules
from quantum_scheduler.solving.store.breaker import find_backends

VENDORS = Path(__file__).parent / "vendors"
BOTH = ("searching", "forgetful")
# Long for a wait that nobody should need, short for a test that needs it.
CALL_TIMEOUT_S = 20.0


@contextmanager
def install_vendors() -> Iterator[None]:
    """Have the backends far away be installed in this process."""
    sys.path.insert(0, str(VENDORS))
    importlib.invalidate_caches()
    for known in (list_backends, is_local):
        known.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(VENDORS))
        for known in (list_backends, is_local):
            known.cache_clear()


def answer_poorly(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Stand in for a classical search that finds the worst answer there is, and proves nothing."""
    given = json.loads(argument)
    problem = read_document(json.dumps(given["problem"]).encode())
    solution = {"kind": "binary", "values": [[label, 0] for label in problem.labels]}  # type: ignore[union-attr]
    objective = verify(problem, read_solution(solution)).objective
    return json.dumps(
        {
            "status": "feasible",
            "backend": "classical",
            "seed": 0,
            "seconds": 0.0,
            "time_limit_s": given["request"]["time_limit_s"],
            "fingerprint": "f" * 64,
            "verified": True,
            "reproducible": True,
            "solution": solution,
            "objective": objective,
            "bound": None,
            "gap": None,
            "measures": {},
            "cached": False,
            "explanation": "",
            "info": {},
            "race": {},
        }
    ).encode()


@dataclass(frozen=True)
class PoorPool:
    """A pool whose classical solves are poor."""

    pool: ProcessPool

    async def run(self, function: str, argument: bytes, **options: Any) -> bytes:
        function = "tests.jobs.racing:answer_poorly" if function == COMPUTE else function
        return await self.pool.run(function, argument, **options)

    def resize(self, calls: int) -> None:
        self.pool.resize(calls)

    async def close(self) -> None:
        await self.pool.close()


@dataclass
class Track:
    """A worker in slow motion: each step is one claim, raced and settled."""

    desk: Desk
    bench: Bench
    folder: Path

    @property
    def wire(self) -> Wire:
        assert self.bench.quantum is not None
        return self.bench.quantum.wire

    def configure(self, **changes: Any) -> None:
        assert self.bench.quantum is not None
        self.bench = replace(self.bench, quantum=replace(self.bench.quantum, **changes))

    def solve_poorly(self) -> None:
        assert isinstance(self.bench.executor, ProcessPool)
        self.bench = replace(self.bench, executor=PoorPool(self.bench.executor))

    def break_vendor(self, name: str, fault: str) -> None:
        (self.folder / f"{name}.fault").write_text(fault)

    def mend_vendor(self, name: str) -> None:
        (self.folder / f"{name}.fault").unlink()

    def submissions(self, name: str = "") -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in self.folder.glob(f"{name}*.job")]

    def cancellations(self) -> int:
        return len(list(self.folder.glob("*.cancelled")))

    async def submit(self, **options: Any) -> Job:
        return await self.desk.submit(write_canary("known-optimum-6"), **options)

    async def claim(self, job: Job) -> Claim:
        (claim,) = await self.desk.claim(await self.desk.register(), lane=job.lane)
        return claim

    async def perform(self, job: Job, claim: Claim) -> Outcome:
        """Race the job, and leave it to others to settle it."""
        async with self.desk.pool.acquire() as conn:
            problem = await conn.fetchval("SELECT problem FROM job WHERE id = $1", job.id)
        return await perform_claim(self.bench, claim, problem, handlers={}, on_progress=lambda _: None)

    async def step(self, job: Job, claim: Claim | None = None) -> Outcome:
        """Claim the job, race it and settle it."""
        claim = claim or await self.claim(job)
        outcome = await self.perform(job, claim)
        await self.desk.settle((claim, outcome))
        return outcome

    async def wake(self) -> None:
        await self.desk.execute("UPDATE task SET run_at = now()")
        await self.desk.tick()

    async def finish(self, job: Job) -> dict[str, Any]:
        """Take steps until the job has ended, and return its result."""
        async with asyncio.timeout(PATIENCE_S):
            await self.step(job)
            while not (await self.desk.find(job)).is_final:
                await asyncio.sleep(0.05)  # a vendor may need a moment
                await self.wake()
                await self.step(job)
        return await self.read_result(job)

    async def read_result(self, job: Job) -> dict[str, Any]:
        async with self.desk.pool.acquire() as conn:
            return await read_result(conn, job.org_id, job.id)

    async def attempts(self, job: Job) -> list[Attempt]:
        async with self.desk.pool.acquire() as conn:
            return await list_attempts(conn, job.id)

    async def breaker(self, name: str) -> Breaker:
        async with self.desk.pool.acquire() as conn:
            (state,) = await find_backends(conn, [name], fresh_s=60.0)
        return state.breaker


def is_right(result: dict[str, Any]) -> bool:
    """Whether a result of the canary is verified and the best there is."""
    return bool(result["verified"]) and result["objective"] == CANARY_OPTIMUM


@asynccontextmanager
async def open_pools(
    folder: Path, clouds: Mapping[str, str] = MappingProxyType({}), *, size: int = 3, preload: Sequence[str] = ()
) -> AsyncIterator[ProcessPool]:
    """Processes that solve and talk to the vendors of an environment, for as many tracks as there are.

    What they preload is imported once, and before any call's time begins.
    """
    environ = {**os.environ, "PYTHONPATH": f"{VENDORS}:{ROOT}", "FARAWAY": str(folder), **clouds}
    async with ProcessPool(size, preload, environ=environ, forks=True) as processes:
        yield processes


def open_track(desk: Desk, processes: ProcessPool, folder: Path) -> Track:
    for path in folder.iterdir():
        path.unlink()
    wire = Wire(executor=processes, timeout_s=CALL_TIMEOUT_S, memory_mb=1024)
    bench = Bench(
        pool=desk.pool,
        executor=processes,
        memory_mb=1024,
        use_cache=False,
        chance=lambda: 0.5,
        quantum=QuantumBench(wire=wire, environment=Rules(priority=("searching",))),
    )
    return Track(desk, bench, folder)

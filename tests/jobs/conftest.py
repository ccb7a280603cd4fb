"""A queue with people at it: organisations that submit, and workers that claim and settle."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.jobs.errands import ANSWER, FINGERPRINT

from quantum_scheduler.jobs.cancel import cancel_job
from quantum_scheduler.jobs.claim import claim_tasks
from quantum_scheduler.jobs.look_up import find_job, read_events
from quantum_scheduler.jobs.model import Claim, Fence, Job, JobEvent, NewJob, Outcome, Settled, Succeeded, TickReport
from quantum_scheduler.jobs.settle import settle_jobs
from quantum_scheduler.jobs.submit import submit_job
from quantum_scheduler.jobs.tick import tick
from quantum_scheduler.postgres.connect import Pool

LANE = "solve.classical"
# Long enough for any machine; a test that needs it has failed.
PATIENCE_S = 60.0


def new_job(errand: dict[str, Any] | None = None, **options: Any) -> NewJob:
    """A job whose problem is an errand for the executors of these tests."""
    document = json.dumps(errand or {"do": "answer"}).encode()
    return NewJob(problem_document=document, fingerprint=FINGERPRINT, summary={"kind": "binary"}, **options)


@dataclass(frozen=True)
class Desk:
    """The queue of one database, and an organisation that uses it."""

    pool: Pool
    org_id: UUID

    async def add_organisation(self) -> UUID:
        async with self.pool.acquire() as conn:
            org_id: UUID = await conn.fetchval("INSERT INTO organisation (name) VALUES ('another') RETURNING id")
        return org_id

    async def submit(self, errand: dict[str, Any] | None = None, *, org_id: UUID | None = None, **options: Any) -> Job:
        async with self.pool.acquire() as conn, conn.transaction():
            job, _ = await submit_job(conn, org_id or self.org_id, new_job(errand, **options))
        return job

    async def register(self, *, lease_s: float = 60.0) -> UUID:
        async with self.pool.acquire() as conn:
            worker_id: UUID = await conn.fetchval(
                "INSERT INTO worker (host, pid, lanes, slots, lease_s) VALUES ('here', 1, $1, 1, $2) RETURNING id",
                [LANE],
                lease_s,
            )
        return worker_id

    async def kill(self, worker_id: UUID) -> None:
        """Let the worker's last beat be an hour ago."""
        await self.execute("UPDATE worker SET beat_at = beat_at - interval '1 hour' WHERE id = $1", worker_id)

    async def claim(self, worker_id: UUID, count: int = 1, *, lane: str = LANE) -> list[Claim]:
        async with self.pool.acquire() as conn, conn.transaction():
            return await claim_tasks(conn, lane, count, worker_id)

    async def settle(self, *done: tuple[Claim, Outcome]) -> dict[Fence, Settled]:
        async with self.pool.acquire() as conn, conn.transaction():
            return await settle_jobs(conn, done, remember=True)

    async def cancel(self, job: Job) -> Job:
        async with self.pool.acquire() as conn, conn.transaction():
            return await cancel_job(conn, job.org_id, job.id)

    async def tick(self) -> TickReport:
        async with self.pool.acquire() as conn, conn.transaction():
            return await tick(conn)

    async def find(self, job: Job) -> Job:
        async with self.pool.acquire() as conn:
            return await find_job(conn, job.org_id, job.id)

    async def events(self, job: Job, *, after: int = 0) -> list[JobEvent]:
        async with self.pool.acquire() as conn:
            return await read_events(conn, job.org_id, job.id, after=after)

    async def states(self, job: Job) -> list[str]:
        """Every state the job was said to be in, in order."""
        return [event.data["state"] for event in await self.events(job) if event.kind == "state"]

    async def execute(self, statement: str, *arguments: object) -> None:
        async with self.pool.acquire() as conn:
            await conn.execute(statement, *arguments)

    async def count(self, statement: str, *arguments: object) -> int:
        async with self.pool.acquire() as conn:
            number: int = await conn.fetchval(statement, *arguments)
        return number

    async def wait_until(self, condition: Callable[[Job], bool], job: Job, *, timeout_s: float = PATIENCE_S) -> Job:
        async with asyncio.timeout(timeout_s):
            while not condition(found := await self.find(job)):  # noqa: ASYNC110  what is awaited is a row
                await asyncio.sleep(0.02)
        return found

    async def wait_final(self, *jobs: Job, timeout_s: float = PATIENCE_S) -> Sequence[Job]:
        """The jobs, once all have ended."""
        return [await self.wait_until(lambda found: found.is_final, job, timeout_s=timeout_s) for job in jobs]


def succeed(claim: Claim) -> tuple[Claim, Outcome]:
    """The claim, done."""
    return claim, Succeeded(result=ANSWER)


async def wait_for_starts(log: Path, count: int = 1) -> list[int]:
    """The processes that began an errand, once there are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while len(pids := _read_pids(log)) < count:  # noqa: ASYNC110  a file tells nobody
            await asyncio.sleep(0.02)
    return pids


def _read_pids(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().splitlines()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file in which errands write that they began."""
    path = tmp_path / "starts"
    path.touch()
    return path


async def open_desk(pool: Pool) -> Desk:
    """A queue, and a customer of it."""
    async with pool.acquire() as conn:
        org_id = await conn.fetchval("INSERT INTO organisation (name) VALUES ('a customer') RETURNING id")
    return Desk(pool, org_id)


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    return await open_desk(pool)

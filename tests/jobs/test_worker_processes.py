import asyncio
import random
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.jobs.conftest import PATIENCE_S, Desk, is_alive, new_job, wait_for_starts
from tests.jobs.errands import ROOT

from quantum_scheduler.jobs.model import Job
from quantum_scheduler.jobs.submit import submit_job, submit_jobs
from quantum_scheduler.postgres.connect import Pool, connect, open_pool, retry
from quantum_scheduler.postgres.embed import EmbeddedPostgres, start_postgres
from quantum_scheduler.postgres.migrate import migrate

LEASE_S = 2.0
RESTART: dict[str | None, Callable[[EmbeddedPostgres], None]] = {
    None: lambda _: None,
    "fast": lambda server: server.restart("fast"),
    "immediate": lambda server: server.restart("immediate"),
}
CLIENTS = 8
JOBS_PER_CLIENT = 25

Hire = Callable[..., Awaitable[Process]]

ODD_JOBS = """
SELECT count(*) FROM job WHERE state <> 'succeeded'
    OR result IS NULL
    OR EXISTS (SELECT FROM task WHERE job_id = job.id)
    OR (SELECT count(*) FROM job_story WHERE job_id = job.id AND data ->> 'state' = 'succeeded') <> 1
"""


@pytest.fixture
async def hire(tmp_path: Path) -> AsyncIterator[Hire]:
    """Start workers as processes; what the first one says is in `worker-0.log`, and so on."""
    hired: list[Process] = []

    async def start(dsn: str, *, slots: int = 1) -> Process:
        with (tmp_path / f"worker-{len(hired)}.log").open("wb") as log:
            command = (sys.executable, "-m", "tests.jobs.worker_process", dsn, str(slots), str(LEASE_S))
            process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=ROOT)
        hired.append(process)
        return process

    yield start
    for process in [process for process in hired if process.returncode is None]:
        process.kill()
        await process.wait()


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server to restart."""
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    try:
        with start_postgres(folder, settings={"fsync": "off"}) as server:
            yield server
    finally:
        shutil.rmtree(folder)


async def submit_many(desk: Desk, count: int) -> list[Job]:
    async with desk.pool.acquire() as conn, conn.transaction():
        return [job for job, _ in await submit_jobs(conn, desk.org_id, [new_job() for _ in range(count)])]


async def wait_for_worker(desk: Desk, process: Process) -> None:
    """Wait until the worker holds a lease."""

    async def holds_lease() -> bool:
        return await desk.count("SELECT count(*) FROM worker WHERE pid = $1", process.pid) > 0

    async with asyncio.timeout(PATIENCE_S):
        while not await retry(holds_lease):  # noqa: ASYNC110  a row tells nobody
            await asyncio.sleep(0.02)


async def test_a_killed_worker_is_replaced(desk: Desk, dsn: str, hire: Hire, log: Path) -> None:
    job = await desk.submit({"do": "sleep", "s": 1.0, "log": str(log)})
    victim = await hire(dsn)
    (pid,) = await wait_for_starts(log)
    await hire(dsn)
    victim.kill()
    await wait_for_starts(log, 2)
    assert not is_alive(pid)
    (job,) = await desk.wait_final(job)
    assert (job.state, job.attempts) == ("succeeded", 2)
    assert await desk.count(ODD_JOBS) == 0


async def test_a_worker_that_wakes_up_too_late_changes_nothing_and_goes_on(
    desk: Desk, dsn: str, hire: Hire, log: Path, tmp_path: Path
) -> None:
    job = await desk.submit({"do": "sleep", "s": 3.0, "log": str(log)})
    zombie = await hire(dsn)
    await wait_for_starts(log)
    zombie.send_signal(signal.SIGSTOP)
    other = await hire(dsn)
    (job,) = await desk.wait_final(job)
    assert (job.state, job.attempts) == ("succeeded", 2)
    zombie.send_signal(signal.SIGCONT)
    other.terminate()
    await other.wait()
    (last,) = await desk.wait_final(await desk.submit())
    assert last.state == "succeeded"
    assert await desk.count(ODD_JOBS) == 0
    assert await desk.find(job) == job
    said = (tmp_path / "worker-0.log").read_text()
    assert "worker.lost_lease" in said


async def test_a_worker_that_is_told_to_stop_leaves_nothing_behind(desk: Desk, dsn: str, hire: Hire, log: Path) -> None:
    job = await desk.submit({"do": "sleep", "s": 1.0, "log": str(log)})
    worker = await hire(dsn)
    await wait_for_starts(log)
    worker.terminate()
    assert await asyncio.wait_for(worker.wait(), PATIENCE_S) == 0
    assert (await desk.find(job)).state == "succeeded"
    assert await desk.count("SELECT count(*) FROM worker") == 0


async def test_two_workers_do_every_job_exactly_once(desk: Desk, dsn: str, hire: Hire) -> None:
    jobs = await submit_many(desk, 400)
    workers = [await hire(dsn, slots=2) for _ in range(2)]
    jobs = list(await desk.wait_final(*jobs))
    assert {(job.state, job.attempts) for job in jobs} == {("succeeded", 1)}
    assert await desk.count(ODD_JOBS) == 0
    for worker in workers:
        worker.terminate()
    assert [await asyncio.wait_for(worker.wait(), PATIENCE_S) for worker in workers] == [0, 0]


async def test_connections_that_are_cut_lose_and_repeat_nothing(desk: Desk, dsn: str, hire: Hire) -> None:
    jobs = await submit_many(desk, 200)
    await hire(dsn, slots=2)
    await desk.wait_until(lambda found: found.is_final, jobs[0])
    for _ in range(15):
        await desk.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'quantum-scheduler worker'"
        )
        await asyncio.sleep(0.1)
    await desk.wait_final(*jobs)
    assert await desk.count(ODD_JOBS) == 0


async def be_client(pool: Pool, org_id: UUID, number: int) -> list[Job]:
    """Submit jobs one by one, each as often as it takes to be acknowledged."""
    acknowledged = []
    for count in range(JOBS_PER_CLIENT):
        new = new_job({"do": "sleep", "s": 0.05}, idempotency_key=f"{number}.{count}", request_digest="same")

        async def submit() -> Job:
            async with pool.acquire() as conn, conn.transaction():
                return (await submit_job(conn, org_id, new))[0]  # noqa: B023  called before the next

        acknowledged.append(await retry(submit, patience_s=PATIENCE_S))
        await asyncio.sleep(0.25)
    return acknowledged


async def test_every_acknowledged_job_ends_once_while_workers_are_killed_and_postgres_restarts(
    own_server: EmbeddedPostgres, hire: Hire
) -> None:
    dsn = own_server.dsn
    conn = await connect(dsn)
    await migrate(conn)
    org_id = await conn.fetchval("INSERT INTO organisation (name) VALUES ('a customer') RETURNING id")
    await conn.close()
    pool = await open_pool(dsn)
    desk = Desk(pool, org_id)
    clients = asyncio.gather(*(be_client(pool, org_id, number) for number in range(CLIENTS)))
    workers = [await hire(dsn, slots=2) for _ in range(2)]
    chance = random.Random(20)
    for restart in (None, "fast", None, "immediate"):
        victim = workers.pop(chance.randrange(2))
        await wait_for_worker(desk, victim)
        victim.kill()
        workers.append(await hire(dsn, slots=2))
        await asyncio.to_thread(RESTART[restart], own_server)
    jobs = [job for each in await clients for job in each]
    assert len({job.id for job in jobs}) == CLIENTS * JOBS_PER_CLIENT
    await desk.wait_final(*jobs)
    assert await desk.count(ODD_JOBS) == 0
    assert await desk.count("SELECT count(*) FROM job") == len(jobs)
    pool.terminate()

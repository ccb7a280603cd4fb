"""One side of the queue benchmark, as a process of its own: `python -P queue_side.py SYSTEM ROLE DSN [NUMBER...]`.

The roles are `install`, `enqueue COUNT BATCH`, `ping COUNT` (one job after another into an idle queue) and
`work COUNT_MAX`, which does jobs that do nothing until it has done so many or none has come for a while. Each prints
one JSON object as its last line; times are of the clock that all processes of a machine share.
"""
# ruff: noqa: PLC0415  each system is only there in its own environment

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import count
from typing import Any, Protocol

SLOTS = 100
BATCH = 50
IDLE_S = 3.0
# Another worker may leave this one nothing.
START_S = 20.0
PING_EVERY_S = 0.05
ANSWER = {
    "status": "feasible",
    "backend": "classical",
    "time_limit_s": 10.0,
    "objective": -1.0,
    "solution": {"kind": "binary", "values": [["a", 1]]},
}
ANSWER_BYTES = json.dumps({**ANSWER, "fingerprint": "%032x%032x"}).encode()


class System(Protocol):
    """A queue as the benchmark uses it."""

    async def install(self) -> None: ...
    async def open(self) -> None: ...
    async def enqueue(self, count: int) -> None:
        """Enqueue so many at once, and return when they are committed."""
        ...

    async def work(self, done: Callable[[], None], ended: asyncio.Event) -> None:
        """Do jobs, calling `done` in each, until `ended`."""
        ...


class Ours:
    """The scheduler: whole jobs with problem, record, events and result, by the worker that `up` starts."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.use_cache = False

    async def install(self) -> None:
        from quantum_scheduler.accounts.issue import ensure_local_key
        from quantum_scheduler.postgres.connect import connect
        from quantum_scheduler.postgres.migrate import migrate

        conn = await connect(self.dsn)
        await migrate(conn)
        await ensure_local_key(conn)
        await conn.close()

    async def open(self) -> None:
        from quantum_scheduler.jobs.model import NewJob
        from quantum_scheduler.postgres.connect import connect
        from quantum_scheduler.postgres.listen import Notifier

        self.conn = await connect(self.dsn)
        self.org_id = await self.conn.fetchval("SELECT id FROM organisation ORDER BY id LIMIT 1")
        self.notifier = await Notifier(self.dsn).__aenter__()
        document = b'{"kind":"binary","linear":[["a",-1.0]],"quadratic":[],"offset":0.0}'
        self.job = NewJob(
            problem_document=document, fingerprint="f" * 64, summary={"kind": "binary"}, use_cache=self.use_cache
        )

    async def enqueue(self, count: int) -> None:
        from quantum_scheduler.jobs.model import TASK_READY
        from quantum_scheduler.jobs.submit import submit_jobs

        async with self.conn.transaction():
            await submit_jobs(self.conn, self.org_id, [self.job] * count)
        self.notifier.notify(TASK_READY, "solve.classical")

    async def work(self, done: Callable[[], None], ended: asyncio.Event) -> None:
        import structlog

        from quantum_scheduler.worker import run_worker, spare_collector

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        spare_collector()  # as the command does
        await run_worker(
            self.dsn, _Answering(done), lanes=["solve.classical"], slots=SLOTS, stop=ended, use_cache=self.use_cache
        )


class OursCached(Ours):
    """The same with the store of solutions: each job looks for one, and keeps what it found."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.use_cache = True


class _Answering:
    """An executor that answers at once."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._numbers = count()

    async def run(self, *_: Any, **__: Any) -> bytes:
        self._done()
        return ANSWER_BYTES % (os.getpid(), next(self._numbers))  # no two of them alike

    def resize(self, calls: int) -> None:
        """Any number is done at once."""

    async def close(self) -> None:
        return


class OursTasks(Ours):
    """Work without a customer, as schedules and runbooks queue it: a payload for a handler, and no record of it."""

    async def enqueue(self, count: int) -> None:
        from quantum_scheduler.jobs.enqueue import enqueue_tasks
        from quantum_scheduler.jobs.model import CONTROL_LANE, TASK_READY, NewTask

        async with self.conn.transaction():
            await enqueue_tasks(self.conn, [NewTask(kind="noop", payload={"number": each}) for each in range(count)])
        self.notifier.notify(TASK_READY, CONTROL_LANE)

    async def work(self, done: Callable[[], None], ended: asyncio.Event) -> None:
        import structlog

        from quantum_scheduler.jobs.model import CONTROL_LANE, Done
        from quantum_scheduler.worker import run_worker, spare_collector

        async def noop(*_: object) -> Done:
            done()
            return Done()

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        idle = _Answering(done)
        handlers = {"noop": noop}
        spare_collector()
        await run_worker(self.dsn, idle, lanes=[CONTROL_LANE], slots=SLOTS, stop=ended, handlers=handlers)


class Raw:
    """One table, claimed and deleted in batches: what nothing that commits per batch can be much faster than."""

    INSTALL = """
    CREATE TABLE raw (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload bytea NOT NULL, owner integer,
        claimed_at timestamptz) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
    CREATE INDEX raw_ready ON raw (id) WHERE owner IS NULL;
    """
    ENQUEUE = "INSERT INTO raw (payload) SELECT unnest($1::bytea[])"
    CLAIM = """
    WITH next AS MATERIALIZED (
        SELECT id FROM raw WHERE owner IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    UPDATE raw SET owner = 1, claimed_at = now() FROM next WHERE raw.id = next.id RETURNING raw.id, payload
    """

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    async def install(self) -> None:
        await self.open()
        await self.conn.execute(self.INSTALL)

    async def open(self) -> None:
        import asyncpg

        self.conn = await asyncpg.connect(self.dsn)

    async def enqueue(self, count: int) -> None:
        await self.conn.execute(self.ENQUEUE, [b"noop"] * count)

    async def finish(self, rows: Sequence[Any]) -> None:
        await self.conn.execute("DELETE FROM raw WHERE id = ANY($1::bigint[])", [row["id"] for row in rows])

    async def work(self, done: Callable[[], None], ended: asyncio.Event) -> None:
        await self.open()
        while not ended.is_set():
            rows = await self.conn.fetch(self.CLAIM, BATCH)
            for _ in rows:
                done()
            if rows:
                await self.finish(rows)
            else:
                await asyncio.sleep(0.01)


class RawKept(Raw):
    """The same loop with what makes a job: a record with its result that stays, an owner, and a fence at the finish."""

    INSTALL = """
    CREATE TABLE raw_job (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text NOT NULL DEFAULT 'queued',
        problem bytea NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), started_at timestamptz,
        finished_at timestamptz, result jsonb);
    CREATE INDEX raw_job_state ON raw_job (state, id);
    CREATE TABLE raw (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_id bigint NOT NULL REFERENCES raw_job,
        owner integer, attempt integer NOT NULL DEFAULT 0, claimed_at timestamptz
    ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
    CREATE INDEX raw_ready ON raw (id) WHERE owner IS NULL;
    CREATE INDEX raw_owner ON raw (owner) WHERE owner IS NOT NULL;
    """
    ENQUEUE = """
    WITH job AS (INSERT INTO raw_job (problem) SELECT unnest($1::bytea[]) RETURNING id)
    INSERT INTO raw (job_id) SELECT id FROM job
    """
    CLAIM = """
    WITH next AS MATERIALIZED (
        SELECT id FROM raw WHERE owner IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE raw SET owner = 1, attempt = attempt + 1, claimed_at = now() FROM next WHERE raw.id = next.id
        RETURNING raw.id, raw.attempt, raw.job_id
    ), started AS (
        UPDATE raw_job SET state = 'running', started_at = now() FROM claimed WHERE raw_job.id = claimed.job_id
        RETURNING raw_job.id, problem
    )
    SELECT claimed.id, claimed.attempt, started.problem FROM claimed JOIN started ON started.id = claimed.job_id
    """
    FINISH = """
    WITH gone AS (
        DELETE FROM raw USING unnest($1::bigint[], $2::integer[], $3::jsonb[]) AS given (id, attempt, result)
        WHERE raw.id = given.id AND raw.attempt = given.attempt AND raw.owner = 1 RETURNING raw.job_id, given.result
    )
    UPDATE raw_job SET state = 'succeeded', finished_at = now(), result = gone.result
    FROM gone WHERE raw_job.id = gone.job_id
    """

    async def finish(self, rows: Sequence[Any]) -> None:
        results = [json.dumps({**ANSWER, "fingerprint": "f" * 64}) for _ in rows]
        await self.conn.execute(self.FINISH, [row["id"] for row in rows], [row["attempt"] for row in rows], results)


class PgQueuer:
    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    async def open(self) -> None:
        import asyncpg

        driver = import_module("pgqueuer.db").AsyncpgDriver(await asyncpg.connect(self.dsn))
        self.queries = import_module("pgqueuer.queries").Queries(driver)

    async def install(self) -> None:
        await self.open()
        await self.queries.install()

    async def enqueue(self, count: int) -> None:
        await self.queries.enqueue(["noop"] * count, [b"noop"] * count, [0] * count)

    async def work(self, done: Callable[[], None], ended: asyncio.Event) -> None:
        await self.open()
        manager = import_module("pgqueuer.qm").QueueManager(self.queries)

        async def noop(_: object) -> None:
            done()

        manager.entrypoint("noop")(noop)
        running = asyncio.create_task(manager.run(batch_size=BATCH, max_concurrent_tasks=SLOTS))
        await ended.wait()
        manager.shutdown.set()
        await running


class Procrastinate:
    CONCURRENCY = SLOTS

    def __init__(self, dsn: str) -> None:
        procrastinate = import_module("procrastinate")
        self.app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn))
        self.done: Callable[[], None] = lambda: None

        async def noop() -> None:
            self.done()

        self.task = self.app.task(name="noop")(noop)

    async def open(self) -> None:
        await self.app.open_async()

    async def install(self) -> None:
        await self.open()
        await self.app.schema_manager.apply_schema_async()

    async def enqueue(self, count: int) -> None:
        await self.task.batch_defer_async(*[{}] * count)

    async def work(self, done: Callable[[], None], ended: asyncio.Event) -> None:
        await self.open()
        self.done = done
        running = asyncio.create_task(
            self.app.run_worker_async(concurrency=self.CONCURRENCY, install_signal_handlers=False)
        )
        await ended.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


class ProcrastinateAlone(Procrastinate):
    """The same as it comes: its worker does one job at a time unless it is told otherwise."""

    CONCURRENCY = 1


class Dbos:
    def __init__(self, dsn: str) -> None:
        self.dbos = import_module("dbos")
        self.url = dsn.replace("postgresql://", "postgresql+psycopg://")
        self.done: Callable[[], None] = lambda: None
        self.dbos.DBOS(
            config={
                "name": "bench",
                "system_database_url": self.url,
                "run_admin_server": False,
                "application_version": "1",
                "executor_id": str(os.getpid()),  # else a second worker takes the first one's work for lost
                "log_level": "ERROR",
            }
        )

        def noop() -> None:
            self.done()

        self.dbos.DBOS.workflow(name="noop")(noop)

    async def install(self) -> None:
        await asyncio.to_thread(self.dbos.DBOS.launch)
        await asyncio.to_thread(self.dbos.DBOS.register_queue, "noop")

    async def open(self) -> None:
        self.client = await asyncio.to_thread(self.dbos.DBOSClient, system_database_url=self.url)

    async def enqueue(self, count: int) -> None:
        options = {"queue_name": "noop", "workflow_name": "noop", "app_version": "1"}

        def enqueue_all() -> None:
            for _ in range(count):
                self.client.enqueue(options)

        await asyncio.to_thread(enqueue_all)

    async def work(self, done: Callable[[], None], ended: asyncio.Event) -> None:
        self.done = done
        await self.install()
        await ended.wait()


SYSTEMS: dict[str, Callable[[str], System]] = {
    "ours": Ours,
    "ours-cached": OursCached,
    "ours-tasks": OursTasks,
    "raw": Raw,
    "raw-kept": RawKept,
    "pgqueuer": PgQueuer,
    "procrastinate": Procrastinate,
    "procrastinate-alone": ProcrastinateAlone,
    "dbos": Dbos,
}


async def enqueue(system: System, total: int, batch: int) -> dict[str, Any]:
    await system.open()
    await system.enqueue(batch)  # so that what is only done once is done
    began = time.monotonic()
    for _ in range(total // batch):
        await system.enqueue(batch)
    return {"jobs": total + batch, "per_s": total / (time.monotonic() - began)}


async def ping(system: System, count: int) -> dict[str, Any]:
    await system.open()
    sent = []
    for number in range(count):
        await system.enqueue(1)
        sent.append(time.monotonic())
        # Not in step with anybody's polling.
        await asyncio.sleep(PING_EVERY_S * (1 + number * 0.618 % 1))
    await asyncio.sleep(1.0)
    return {"sent": sent}


async def work(system: System, count_max: int) -> dict[str, Any]:
    began: list[float] = []
    ended = asyncio.Event()

    def done() -> None:
        began.append(time.monotonic())
        if len(began) >= count_max:
            ended.set()

    running = asyncio.create_task(system.work(done, ended))
    give_up_at = time.monotonic() + START_S
    while not ended.is_set() and time.monotonic() < (began[-1] + IDLE_S if began else give_up_at):
        if running.done():
            await running
        await asyncio.sleep(0.2)
    ended.set()
    await running
    return {"began": began}


async def main(system: str, role: str, dsn: str, *numbers: str) -> None:
    side = SYSTEMS[system](dsn)
    roles: dict[str, Callable[..., Awaitable[Any]]] = {"enqueue": enqueue, "ping": ping, "work": work}
    said = await (side.install() if role == "install" else roles[role](side, *map(int, numbers)))
    sys.stdout.write("\n" + json.dumps(said or {}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    os._exit(0)  # a system's threads may not want to end

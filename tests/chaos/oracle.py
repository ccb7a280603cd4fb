"""What must hold once it is calm: every acknowledged job has ended once, with one verified result."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.postgres.embed import start_postgres

COUNT_TASKS = "SELECT count(*) FROM task WHERE job_id IS NOT NULL"  # runbooks may go on
FIND_JOBS = "SELECT id::text, state, idempotency_key FROM job"
FIND_RESULTS = "SELECT id::text FROM job WHERE result IS NOT NULL"
COUNT_ENDS = """
SELECT job_id::text, count(*) FROM job_story
WHERE kind = 'state' AND data ->> 'state' IN ('succeeded', 'failed', 'cancelled') GROUP BY job_id
"""
# The numbers of a job's events run from 1 without a gap.
FIND_GAPS = "SELECT job_id::text FROM job_story GROUP BY job_id HAVING count(*) <> max(seq) OR min(seq) <> 1"
COUNT_TAKEOVERS = "SELECT coalesce(sum(takeovers), 0)::bigint FROM takeover_count"

# What a worker has in hand, by its process id.
FIND_HELD = """
SELECT worker.pid, task.job_id::text, extract(epoch FROM clock_timestamp())::float8
FROM task JOIN worker ON worker.id = task.owner WHERE task.state = 'running' AND task.job_id IS NOT NULL
"""
FIND_CHANGES = """
SELECT job_id::text, data ->> 'state', extract(epoch FROM at)::float8
FROM job_story WHERE kind = 'state' ORDER BY job_id, seq
"""


def ask(data_dir: Path, statement: str) -> list[tuple[Any, ...]]:
    """What the database of a data folder says."""

    async def fetch(dsn: str) -> list[tuple[Any, ...]]:
        connection = await connect(dsn)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    server = start_postgres(data_dir)
    try:
        return asyncio.run(fetch(server.dsn))
    finally:
        server.let_go()


def account_for(data_dir: Path, acknowledged: dict[str, str]) -> list[str]:
    """Find everything that is wrong with the jobs that were acknowledged: their ids, by idempotency key."""
    jobs = ask(data_dir, FIND_JOBS)
    states = {job_id: state for job_id, state, _ in jobs}
    ends = dict(ask(data_dir, COUNT_ENDS))
    results = Counter(job_id for (job_id,) in ask(data_dir, FIND_RESULTS))
    wrong = [f"{job_id} was acknowledged and is lost" for job_id in acknowledged.values() if job_id not in states]
    wrong += [f"key {key} made {count} jobs" for key, count in Counter(key for _, _, key in jobs).items() if count > 1]
    wrong += [f"{job_id} is {state}" for job_id, state in states.items() if state != "succeeded"]
    wrong += [f"{job_id} ended {ends.get(job_id, 0)} times" for job_id in states if ends.get(job_id, 0) != 1]
    wrong += [f"{job_id} has {results[job_id]} results" for job_id in states if results[job_id] != 1]
    wrong += [f"the events of {job_id} have a gap" for (job_id,) in ask(data_dir, FIND_GAPS)]
    wrong += [f"{count} tasks are left" for (count,) in ask(data_dir, COUNT_TASKS) if count]
    return wrong


def measure_takeovers(data_dir: Path, held: Sequence[tuple[str, float]]) -> list[float]:
    """For each job and the time when its worker was killed, the seconds until it waited again, where it did."""
    changes = ask(data_dir, FIND_CHANGES)
    takeovers = []
    for held_id, killed_at in held:
        after = [(state, at) for job_id, state, at in changes if job_id == held_id and at > killed_at]
        takeovers += [at - killed_at for state, at in after[:1] if state == "queued"]
    return takeovers

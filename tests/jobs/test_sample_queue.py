"""What very many jobs that finished are not looked through with every sample."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quantum_scheduler.jobs.metrics import AVERAGED_OVER_S, finished, queue_depth, queue_stats
from quantum_scheduler.jobs.sample import OLD_AFTER, QueueSampler
from quantum_scheduler.postgres.connect import Pool

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADD = """
WITH customer AS (
    INSERT INTO organisation (name) VALUES ('a customer') RETURNING id
)
INSERT INTO job (org_id, name, state, priority, backend, lane, problem, summary, fingerprint, time_limit_s, seed,
    use_cache, started_at, finished_at)
SELECT id, '', 'succeeded', 1, 'auto', 'solve.dynex', '', '{}', '', 10, 0, true, now() - interval '2 seconds', now()
FROM customer, generate_series(1, 3)
"""
QUEUE = """
WITH queued AS (
    INSERT INTO job
        (org_id, name, priority, backend, lane, problem, summary, fingerprint, time_limit_s, seed, use_cache)
    SELECT org_id, name, priority, backend, lane, problem, summary, fingerprint, 10, 0, true FROM job LIMIT 1
    RETURNING *
)
INSERT INTO task (lane, org_id, kind, priority, job_id, state) SELECT lane, org_id, 'solve', priority, id, 'ready'
FROM queued
"""


@pytest.fixture
async def conn(pool: Pool) -> Any:
    async with pool.acquire() as acquired:
        await acquired.execute(ADD)
        yield acquired


async def test_few_finished_jobs_are_counted_in_every_sample(conn: Any) -> None:
    sampler = QueueSampler(cheap=3)
    assert finished(await sampler.measure(conn, NOW)) == 3
    await conn.execute(ADD)
    assert finished(await sampler.measure(conn, NOW)) == 6


async def test_many_are_counted_again_after_a_while_and_what_waits_every_time(conn: Any) -> None:
    sampler = QueueSampler(cheap=2)
    assert await sampler.measure(conn, NOW) == await queue_stats(conn, window_s=AVERAGED_OVER_S)
    await conn.execute(ADD)
    await conn.execute(QUEUE)
    (known,) = await sampler.measure(conn, NOW + OLD_AFTER / 2)
    assert (known.finished, known.depth) == (3, 1)
    assert known.average_s == pytest.approx(2.0)
    await conn.execute("DELETE FROM task")
    (left,) = await sampler.measure(conn, NOW + OLD_AFTER - timedelta(seconds=1))
    assert (left.finished, queue_depth([left])) == (3, 0)
    assert finished(await sampler.measure(conn, NOW + OLD_AFTER)) == 6


async def test_a_clock_that_was_set_back_does_not_make_it_older(conn: Any) -> None:
    sampler = QueueSampler(cheap=2)
    await sampler.measure(conn, NOW)
    await conn.execute(ADD)
    assert finished(await sampler.measure(conn, NOW - timedelta(hours=1))) == 6

"""An investigation of the queue names workers, those affected, and what failures have in common."""

import pytest
from tests.jobs.conftest import Desk

from quantum_scheduler.jobs.examine import (
    examine_affected,
    examine_failures,
    examine_queue,
    examine_stuck,
    examine_workers,
)
from quantum_scheduler.jobs.model import Failed
from quantum_scheduler.jobs.pause import pause_lane


async def fail(desk: Desk, kind: str, count: int = 1) -> None:
    worker_id = await desk.register()
    for claim in await desk.claim(worker_id, count):
        await desk.settle((claim, Failed(kind=kind, message=f"it was {kind}")))


async def test_an_empty_queue_is_examined_without_dividing_by_nothing(desk: Desk) -> None:
    async with desk.pool.acquire() as conn:
        queue, failures = await examine_queue(conn), await examine_failures(conn)
        affected = await examine_affected(conn)
    assert (queue.depth, queue.workers, queue.busy_share, queue.drain_s) == (0, 0, None, None)
    assert (failures.share, failures.top_kind, failures.top_share) == (None, "", 0.0)
    assert (affected.scope, affected.share) == ("none", 0.0)


async def test_workers_are_told_with_what_they_have_and_who_is_silent(desk: Desk) -> None:
    await desk.submit()
    busy, silent = await desk.register(), await desk.register()
    await desk.claim(busy)
    await desk.kill(silent)
    async with desk.pool.acquire() as conn:
        await pause_lane(conn, "solve.dwave", "a test", until=None)
        health, queue = await examine_workers(conn), await examine_queue(conn)
    assert (health.workers, health.silent, health.slots, health.running, health.busy_share) == (2, 1, 2, 1, 0.5)
    assert [each.running for each in health.listed] == [0, 1]
    assert (queue.silent_workers, queue.running, queue.paused_lanes) == (1, 1, ("solve.dwave",))


async def test_what_is_stuck_is_told_with_its_workers(desk: Desk) -> None:
    await desk.submit(time_limit_s=1.0)
    await desk.claim(await desk.register())
    await desk.execute("UPDATE task SET started_at = started_at - interval '1 hour'")
    async with desk.pool.acquire() as conn:
        stuck = await examine_stuck(conn)
    assert (stuck.count, stuck.workers, stuck.listed[0].reason) == (1, 1, "time_limit")
    assert stuck.longest_s > 3000


async def test_it_is_told_whether_all_are_affected_or_some(desk: Desk) -> None:
    other = await desk.add_organisation()
    await desk.submit()
    await fail(desk, "timeout")
    async with desk.pool.acquire() as conn:
        only = await examine_affected(conn)
    await desk.submit(org_id=other)
    async with desk.pool.acquire() as conn:
        some = await examine_affected(conn)
    await desk.execute("UPDATE task SET run_at = run_at - interval '1 hour'")
    async with desk.pool.acquire() as conn:
        everybody = await examine_affected(conn)
    assert [each.scope for each in (only, some, everybody)] == ["all", "some", "all"]
    assert (some.organisations, some.affected, some.share, some.failed_jobs) == (2, 1, 0.5, 1)
    assert (everybody.late_jobs, {each.name for each in everybody.worst}) == (1, {"a customer", "another"})


async def test_what_failures_have_in_common_comes_first(desk: Desk) -> None:
    for _ in range(4):
        await desk.submit()
    await fail(desk, "timeout", 3)
    await fail(desk, "crashed")
    async with desk.pool.acquire() as conn:
        failures = await examine_failures(conn)
        with pytest.raises(ValueError, match="a window has"):
            await examine_failures(conn, window_s=0)
    assert (failures.finished, failures.failed, failures.share) == (4, 4, 1.0)
    assert (failures.top_kind, failures.top_backend, failures.top_share) == ("timeout", "auto", 0.75)
    assert failures.patterns[0].message == "it was timeout"

from tests.jobs.conftest import LANE, Desk, succeed

from quantum_scheduler.jobs.metrics import (
    AVERAGED_OVER_S,
    avg_processing_time_s,
    find_stuck,
    oldest_wait_s,
    queue_depth,
    queue_stats,
    stuck_jobs,
    takeovers,
    throughput_per_s,
)
from quantum_scheduler.jobs.queue_model import LaneStats


async def measure(desk: Desk) -> list[LaneStats]:
    async with desk.pool.acquire() as conn:
        return await queue_stats(conn)


async def test_an_empty_queue_measures_nothing(desk: Desk) -> None:
    stats = await measure(desk)
    assert (stats, queue_depth(stats), oldest_wait_s(stats), avg_processing_time_s(stats)) == ([], 0, 0.0, None)


async def test_each_lane_and_priority_is_measured_apart(desk: Desk) -> None:
    for _ in range(3):
        await desk.submit()
    await desk.submit(priority="high")
    await desk.submit(backend="simulator")
    await desk.execute("UPDATE task SET run_at = run_at - interval '100 seconds' WHERE lane = 'solve.simulator'")
    worker_id = await desk.register()
    (claim,) = await desk.claim(worker_id)
    await desk.claim(worker_id)
    await desk.settle(succeed(claim))
    await desk.execute("UPDATE job SET finished_at = started_at + interval '8 seconds' WHERE state = 'succeeded'")
    stats = await measure(desk)
    assert [(each.lane, each.priority, each.depth, each.running, each.average_s) for each in stats] == [
        (LANE, "high", 0, 0, 8.0),
        (LANE, "normal", 2, 1, None),
        ("solve.simulator", "normal", 1, 0, None),
    ]
    assert queue_depth(stats) == 3
    assert 100 <= oldest_wait_s(stats) < 1000
    assert avg_processing_time_s(stats) == 8.0


async def test_the_average_weighs_every_job_alike(desk: Desk) -> None:
    jobs = [await desk.submit(priority=priority) for priority in ("high", "normal", "normal")]
    await desk.settle(*[succeed(claim) for claim in await desk.claim(await desk.register(), 3)])
    for job, seconds in zip(jobs, (1.0, 4.0, 7.0), strict=True):
        await desk.execute(
            "UPDATE job SET finished_at = started_at + $2 * interval '1 second' WHERE id = $1", job.id, seconds
        )
    assert avg_processing_time_s(await measure(desk)) == 4.0


async def test_a_job_that_waits_for_its_next_attempt_is_not_queued_for_a_worker(desk: Desk) -> None:
    await desk.submit()
    await desk.execute("UPDATE task SET state = 'scheduled', run_at = now() + interval '1 hour'")
    assert queue_depth(await measure(desk)) == 0


async def test_what_runs_past_its_limit_or_says_nothing_is_stuck(desk: Desk) -> None:
    options = ({"priority": "high"}, {"deadline_s": 4000.0}, {"time_limit_s": 3600.0}, {"time_limit_s": 3600.0})
    jobs = [await desk.submit(**each) for each in options]
    await desk.claim(await desk.register(), 4)
    for job, age in zip(jobs, (195, 0, 1801, 1799), strict=True):
        back = f"- interval '{age} seconds'"
        await desk.execute(f"UPDATE task SET started_at = now() {back} WHERE job_id = $1", job.id)
        await desk.execute(f"UPDATE job_event SET at = at {back} WHERE job_id = $1", job.id)
    await desk.execute("UPDATE task SET deadline_at = now() - interval '181 seconds' WHERE deadline_at IS NOT NULL")
    async with desk.pool.acquire() as conn:
        stuck = await find_stuck(conn)
        stats = await queue_stats(conn)
    assert [(each.job_id, each.reason, each.host) for each in stuck] == [
        (jobs[2].id, "silent", "here"),
        (jobs[0].id, "time_limit", "here"),
        (jobs[1].id, "deadline", "here"),
    ]
    assert [(each.priority, each.running, each.stuck) for each in stats] == [("high", 1, 1), ("normal", 3, 2)]
    assert stuck_jobs(stats) == 3


async def test_takeovers_and_throughput_are_counted(desk: Desk) -> None:
    await desk.submit()
    for _ in range(2):
        victim = await desk.register()
        await desk.claim(victim)
        await desk.kill(victim)
        await desk.tick()
    await desk.settle(*[succeed(claim) for claim in await desk.claim(await desk.register())])
    stats = await measure(desk)
    assert takeovers(stats) == 2
    assert throughput_per_s(stats) == 1 / AVERAGED_OVER_S

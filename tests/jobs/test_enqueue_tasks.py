import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.jobs.conftest import Desk

from quantum_scheduler.jobs.enqueue import (
    ScheduleInvalid,
    enqueue_task,
    find_next,
    list_cron,
    schedule_cron,
    unschedule_cron,
)
from quantum_scheduler.jobs.model import CONTROL_LANE, Claim, Done, Failed, NewTask, Outcome, Retry, SolveClaim

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COUNT_TASKS = "SELECT count(*) FROM task"


async def enqueue(desk: Desk, new: NewTask) -> int | None:
    async with desk.pool.acquire() as conn, conn.transaction():
        return await enqueue_task(conn, new)


async def take(desk: Desk, count: int = 5) -> list[Claim]:
    return await desk.claim(await desk.register(), count, lane=CONTROL_LANE)


async def schedule(desk: Desk, name: str = "sweep", expression: str = "*/5 * * * *") -> None:
    async with desk.pool.acquire() as conn:
        await schedule_cron(conn, name, expression, "sweep", now=NOON, payload={"of": name})


async def test_a_task_without_a_job_is_claimed_with_its_payload_and_done(desk: Desk) -> None:
    task_id = await enqueue(desk, NewTask(kind="sweep", payload={"older_than_s": 60}))
    (claim,) = await take(desk)
    assert (claim.task_id, claim.kind, claim.payload, claim.job_id) == (task_id, "sweep", {"older_than_s": 60}, None)
    assert not isinstance(claim, SolveClaim)
    settled = await desk.settle((claim, Done()))
    assert settled[claim.fence].state == "succeeded"
    assert await desk.count(COUNT_TASKS) == 0


@pytest.mark.parametrize(
    ("outcome", "left"), [(Failed(kind="error", message="no"), 0), (Retry(kind="error", message="no", delay_s=0.0), 1)]
)
async def test_a_task_without_a_job_fails_and_is_tried_again_as_jobs_are(
    desk: Desk, outcome: Outcome, left: int
) -> None:
    await enqueue(desk, NewTask(kind="sweep"))
    (claim,) = await take(desk)
    await desk.settle((claim, outcome))
    assert len(await take(desk)) == left


async def test_a_dead_workers_task_without_a_job_is_taken_over(desk: Desk) -> None:
    await enqueue(desk, NewTask(kind="sweep"))
    (claim,) = await take(desk)
    await desk.kill(claim.owner)
    report = await desk.tick()
    assert (report.changed_jobs, report.ready_lanes) == ((), (CONTROL_LANE,))
    assert [again.attempt for again in await take(desk)] == [2]


async def test_a_task_is_not_claimed_before_its_time(desk: Desk) -> None:
    await enqueue(desk, NewTask(kind="sweep", run_at=datetime.now(UTC) + timedelta(hours=1)))
    await desk.tick()
    assert await take(desk) == []
    await desk.execute("UPDATE task SET run_at = now()")
    assert (await desk.tick()).ready_lanes == (CONTROL_LANE,)
    assert len(await take(desk)) == 1


async def test_a_key_names_one_task_at_a_time(desk: Desk) -> None:
    new = NewTask(kind="sweep", dedupe_key="the only one")
    assert await enqueue(desk, new) is not None
    assert await enqueue(desk, new) is None
    (claim,) = await take(desk)
    assert await enqueue(desk, new) is None
    await desk.settle((claim, Done()))
    assert await enqueue(desk, new) is not None


async def test_an_entry_fires_once_however_many_workers_tick(desk: Desk) -> None:
    await schedule(desk)
    reports = await asyncio.gather(*(desk.tick() for _ in range(8)))
    reports += await asyncio.gather(*(desk.tick() for _ in range(8)))
    assert [report.ready_lanes for report in reports if report.ready_lanes] == [(CONTROL_LANE,)]
    assert [claim.payload for claim in await take(desk)] == [{"of": "sweep"}]
    async with desk.pool.acquire() as conn:
        (entry,) = await list_cron(conn)
    assert entry.fired_at is not None
    assert entry.next_at == find_next("*/5 * * * *", entry.fired_at)


async def test_what_was_missed_while_nobody_ticked_fires_once(desk: Desk) -> None:
    await schedule(desk)
    for _ in range(3):
        await desk.tick()
    assert await desk.count(COUNT_TASKS) == 1


async def test_firings_do_not_pile_up_behind_one_that_is_not_done(desk: Desk) -> None:
    await schedule(desk)
    for _ in range(3):
        await desk.tick()
        await desk.execute("UPDATE cron SET next_at = now()")
    (claim,) = await take(desk)
    await desk.tick()
    assert await take(desk) == []
    await desk.settle((claim, Done()))
    await desk.execute("UPDATE cron SET next_at = now()")
    await desk.tick()
    assert len(await take(desk)) == 1


async def test_an_entry_that_cannot_be_read_does_not_stop_the_others(desk: Desk) -> None:
    await schedule(desk, "broken")
    await schedule(desk, "sound")
    await desk.execute("UPDATE cron SET schedule = 'whenever' WHERE name = 'broken'")
    for _ in range(2):
        await desk.tick()
    assert await desk.count("SELECT count(*) FROM task WHERE payload ->> 'of' = 'sound'") == 1
    assert await desk.count("SELECT count(*) FROM cron WHERE next_at < now()") == 0


async def test_an_entry_is_replaced_by_name_and_can_be_dropped(desk: Desk) -> None:
    await schedule(desk)
    await schedule(desk, expression="0 3 * * *")
    async with desk.pool.acquire() as conn:
        assert [entry.next_at for entry in await list_cron(conn)] == [NOON + timedelta(hours=15)]
        assert await unschedule_cron(conn, "sweep")
        assert not await unschedule_cron(conn, "sweep")
        assert await list_cron(conn) == []


@pytest.mark.parametrize("expression", ["", "every day", "61 * * * *", "0 0 31 2 *"])
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleInvalid, match="is no schedule"):
        find_next(expression, NOON)

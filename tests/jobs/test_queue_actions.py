import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.conftest import LANE, PATIENCE_S, Desk, is_alive, succeed, wait_for_starts
from tests.jobs.errands import ErrandPool

from quantum_scheduler.jobs import actions
from quantum_scheduler.jobs.model import Claim, Job, Review, Sleep
from quantum_scheduler.jobs.pause import find_paused
from quantum_scheduler.jobs.queue_model import Changed, LanePause, Selection
from quantum_scheduler.jobs.scale import Cluster, find_cluster, scale_replicas, scale_slots
from quantum_scheduler.worker import Pace, run_worker

NOTHING = Changed()


def only(*jobs: Job) -> Selection:
    return Selection(job_ids=tuple(job.id for job in jobs))


async def prioritise(desk: Desk, which: Selection) -> Changed:
    async with desk.pool.acquire() as conn, conn.transaction():
        return await actions.prioritise(conn, which, "critical")


async def cancel(desk: Desk, which: Selection) -> Changed:
    async with desk.pool.acquire() as conn, conn.transaction():
        return await actions.cancel(conn, which)


async def requeue(desk: Desk, which: Selection, *, running_for_s: float = 0.0) -> Changed:
    async with desk.pool.acquire() as conn, conn.transaction():
        return await actions.requeue(conn, which, running_for_s=running_for_s)


async def kill(desk: Desk, which: Selection) -> Changed:
    async with desk.pool.acquire() as conn, conn.transaction():
        return await actions.kill(conn, which, "it held up the others")


async def claim_one(desk: Desk) -> Claim:
    (claim,) = await desk.claim(await desk.register())
    return claim


async def test_a_selection_needs_a_criterion() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Selection()


@pytest.mark.parametrize(
    ("which", "chosen"),
    [
        (Selection(lane="solve.dynex"), [1]),
        (Selection(priority="high"), [2]),
        (Selection(name="nightly"), [3]),
        (Selection(state="queued"), [0, 1, 2, 3]),
        (Selection(state="running"), []),
        (Selection(lane=LANE, priority="normal"), [0, 3]),
        (Selection(name="nightly", lane="solve.dynex"), []),
    ],
)
async def test_jobs_are_selected_by_every_criterion_given(desk: Desk, which: Selection, chosen: list[int]) -> None:
    options: list[dict[str, Any]] = [{}, {"backend": "dynex"}, {"priority": "high"}, {"name": "nightly"}]
    jobs = [await desk.submit(None, **each) for each in options]
    changed = await prioritise(desk, which)
    assert changed.job_ids == tuple(jobs[place].id for place in chosen)
    assert [(await desk.find(jobs[place])).priority for place in chosen] == ["critical"] * len(chosen)
    assert await prioritise(desk, which) == NOTHING


async def test_a_selection_keeps_to_its_organisation(desk: Desk) -> None:
    await desk.submit()
    other = await desk.submit(org_id=await desk.add_organisation())
    assert (await cancel(desk, Selection(org_id=other.org_id))).job_ids == (other.id,)


async def test_cancelling_by_filter_ends_what_waits_and_marks_what_runs(desk: Desk) -> None:
    running, waiting = await desk.submit(), await desk.submit()
    claim = await claim_one(desk)
    assert (await cancel(desk, Selection(lane=LANE))).job_ids == (running.id, waiting.id)
    assert [(await desk.find(job)).state for job in (running, waiting)] == ["running", "cancelled"]
    assert await cancel(desk, Selection(lane=LANE)) == NOTHING
    await desk.settle(succeed(claim))
    assert (await desk.find(running)).state == "cancelled"


async def test_a_requeued_job_is_claimed_again_and_its_first_worker_changes_nothing(desk: Desk) -> None:
    job = await desk.submit()
    first = await claim_one(desk)
    changed = await requeue(desk, only(job))
    assert (changed.job_ids, changed.ready_lanes) == ((job.id,), (LANE,))
    second = await claim_one(desk)
    assert (second.attempt, second.failures) == (2, 0)
    assert await desk.settle(succeed(first)) == {}
    assert len(await desk.settle(succeed(second))) == 1


async def test_to_requeue_twice_is_to_requeue_once(desk: Desk) -> None:
    job = await desk.submit()
    await claim_one(desk)
    await requeue(desk, only(job))
    assert await requeue(desk, only(job)) == NOTHING
    await claim_one(desk)
    assert await requeue(desk, only(job), running_for_s=actions.REQUEUE_AFTER_S) == NOTHING


async def test_a_job_that_waits_for_a_person_is_submitted_anew_when_requeued(desk: Desk) -> None:
    job = await desk.submit()
    claim = await claim_one(desk)
    await desk.execute("UPDATE task SET submitting_at = now()")
    await desk.settle((claim, Review(message="look there")))
    await requeue(desk, only(job))
    again = await claim_one(desk)
    assert (again.submitting_at, again.handle) == (None, None)


async def test_a_sleeping_job_that_is_requeued_asks_its_provider_now(desk: Desk) -> None:
    job = await desk.submit()
    until = datetime.now(UTC) + timedelta(hours=9)
    await desk.settle((await claim_one(desk), Sleep(until=until, handle={"id": 7})))
    assert (await requeue(desk, only(job))).ready_lanes == (LANE,)
    assert (await claim_one(desk)).handle == {"id": 7}


async def test_a_killed_job_fails_with_the_reason_wherever_it_was(desk: Desk) -> None:
    running, waiting = await desk.submit(), await desk.submit()
    claim = await claim_one(desk)
    assert (await kill(desk, only(running, waiting))).job_ids == (running.id, waiting.id)
    found = [await desk.find(job) for job in (running, waiting)]
    assert [(job.state, job.error) for job in found] == [
        ("failed", {"kind": "killed", "message": "it held up the others"})
    ] * 2
    assert await desk.settle(succeed(claim)) == {}
    assert await kill(desk, only(running, waiting)) == NOTHING


async def test_a_lane_is_paused_and_resumed_twice_as_once(desk: Desk) -> None:
    pause = LanePause(lane=LANE, reason="the vendor is down", until=datetime.now(UTC) + timedelta(hours=1))
    async with desk.pool.acquire() as conn:
        for _ in range(2):
            assert await actions.pause(conn, LANE, pause.reason, until=pause.until) == pause
            assert await find_paused(conn) == [pause]
        assert await actions.resume(conn, LANE) == Changed(ready_lanes=(LANE,))
        assert await actions.resume(conn, LANE) == NOTHING
        assert await find_paused(conn) == []


@asynccontextmanager
async def working(dsn: str, *, slots: int) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with ErrandPool(slots) as executor:
        pace = Pace(grace_s=2.0)
        worker = asyncio.create_task(run_worker(dsn, executor, lanes=[LANE], slots=slots, stop=stop, pace=pace))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(worker, PATIENCE_S)


async def test_a_worker_stops_what_was_killed(desk: Desk, dsn: str, log: Path) -> None:
    job = await desk.submit({"do": "sleep", "s": 60, "log": str(log)})
    async with working(dsn, slots=1):
        (pid,) = await wait_for_starts(log)
        await kill(desk, only(job))
        (next_job,) = await desk.wait_final(await desk.submit())
        assert next_job.state == "succeeded"
        assert not is_alive(pid)


async def test_workers_use_the_slots_that_are_wanted_be_it_fewer_or_more_than_their_own(
    desk: Desk, dsn: str, log: Path
) -> None:
    async with desk.pool.acquire() as conn:
        scaled = await actions.scale(conn, slots=1)
        assert (scaled.is_changed, scaled.workers) == (True, None)
        assert not (await actions.scale(conn, slots=1)).is_changed
    slots = "SELECT max(slots) FROM worker"
    async with working(dsn, slots=2):
        async with asyncio.timeout(PATIENCE_S):
            while await desk.count(slots) != 1:  # noqa: ASYNC110  a row tells nobody
                await asyncio.sleep(0.05)
        jobs = [await desk.submit({"do": "sleep", "s": 60, "log": str(log)}) for _ in range(4)]
        await wait_for_starts(log)
        await asyncio.sleep(2.5)
        assert await desk.count("SELECT count(*) FROM task WHERE state = 'running'") == 1
        async with desk.pool.acquire() as conn:
            await actions.scale(conn, slots=3)
        await wait_for_starts(log, 3)
        assert await desk.count(slots) == 3
        await kill(desk, only(*jobs))


@pytest.mark.parametrize("slots", [0, 257])
async def test_slots_out_of_bounds_are_refused(desk: Desk, slots: int) -> None:
    async with desk.pool.acquire() as conn:
        with pytest.raises(ValueError, match="slots"):
            await scale_slots(conn, slots)


@asynccontextmanager
async def api_server(status: str) -> AsyncIterator[tuple[str, list[str]]]:
    """An API server that gives one answer; what it was asked is in the list."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        asked.append(head + (await reader.readexactly(length)).decode())
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", asked


async def test_on_kubernetes_the_workers_are_scaled_through_the_api_server(desk: Desk) -> None:
    async with api_server("200 OK") as (url, asked), desk.pool.acquire() as conn:
        scaled = await actions.scale(conn, replicas=5, cluster=Cluster(url=url, token="secret"))
    assert scaled.workers is not None
    assert scaled.workers.is_applied
    assert scaled.workers.command == "kubectl scale deployment quantum-scheduler --replicas=5 -n quantum-scheduler"
    (request,) = asked
    path = "/apis/apps/v1/namespaces/quantum-scheduler/deployments/quantum-scheduler/scale"
    assert request.startswith(f"PATCH {path} HTTP/1.1")
    assert "bearer secret" in request.lower()
    assert "application/merge-patch+json" in request
    assert request.endswith('{"spec": {"replicas": 5}}')


async def test_where_kubernetes_refuses_the_command_and_the_reason_are_given() -> None:
    async with api_server("403 Forbidden") as (url, _):
        scaling = await scale_replicas(5, cluster=Cluster(url=url, token="secret"))
    assert not scaling.is_applied
    assert "403" in (scaling.reason or "")
    gone = await scale_replicas(5, cluster=Cluster(url=url, token="secret"))
    assert "cannot be reached" in (gone.reason or "")


async def test_outside_a_cluster_the_command_is_given() -> None:
    scaling = await scale_replicas(2, cluster=None)
    assert (scaling.is_applied, scaling.command.split()[:2]) == (False, ["kubectl", "scale"])
    with pytest.raises(ValueError, match="workers"):
        await scale_replicas(-1, cluster=None)


def test_the_cluster_is_found_where_a_service_account_is(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    assert find_cluster(environ, account_dir=tmp_path) is None
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "namespace").write_text("here")
    assert find_cluster({}, account_dir=tmp_path) is None
    found = Cluster(url="https://10.0.0.1:6443", token="secret", namespace="here")
    assert find_cluster(environ, account_dir=tmp_path) == found

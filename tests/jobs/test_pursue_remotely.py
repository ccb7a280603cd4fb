import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.jobs.conftest import PATIENCE_S, Desk
from tests.jobs.errands import ANSWER, ErrandPool

from quantum_scheduler.backends.model import BackendError, ErrorKind
from quantum_scheduler.jobs.model import (
    CONTROL_LANE,
    Claim,
    Failed,
    HandedBack,
    Job,
    Outcome,
    Retry,
    Review,
    Sleep,
    SolveClaim,
    Succeeded,
)
from quantum_scheduler.jobs.perform import perform_claim
from quantum_scheduler.jobs.pursue import pursue
from quantum_scheduler.jobs.review import list_reviews
from quantum_scheduler.jobs.solve import Bench
from quantum_scheduler.worker import Pace, run_worker

LATER = timedelta(hours=3)


class Crash(BaseException):
    """The worker dies here."""


@dataclass
class Provider:
    """A provider with a memory: what was submitted under which key, and what has become of it."""

    recovers: bool = True
    crashes_after_submit: bool = False
    refusal: ErrorKind | None = None
    poll_error: ErrorKind | None = None
    wait: timedelta = LATER
    submitted: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    finished: bool = False

    async def submit(self, key: str) -> Sleep:
        if self.refusal is not None:
            raise BackendError(self.refusal, "no")
        self.submitted.append(key)
        if self.crashes_after_submit:
            raise Crash
        return self._wait_for(key)

    async def recover(self, key: str) -> Sleep | None:
        return self._wait_for(key) if key in self.submitted else None

    async def poll(self, handle: Mapping[str, Any]) -> Outcome:
        if self.poll_error is not None:
            raise BackendError(self.poll_error, "no")
        return Succeeded(result=ANSWER) if self.finished else self._wait_for(handle["key"])

    async def cancel(self, handle: Mapping[str, Any]) -> None:
        self.cancelled.append(handle["key"])

    def _wait_for(self, key: str) -> Sleep:
        return Sleep(until=datetime.now(UTC) + self.wait, handle={"key": key})

    async def handle(self, bench: Bench, claim: Claim) -> Outcome:
        return await pursue(bench, claim, self, now=lambda: datetime.now(UTC))


@dataclass
class Office:
    """A worker in slow motion: each step is one claim, handled and settled."""

    desk: Desk
    bench: Bench

    async def claim(self) -> Claim:
        (claim,) = await self.desk.claim(await self.desk.register())
        return claim

    async def step(self, provider: Provider, claim: Claim | None = None) -> Outcome:
        claim = claim or await self.claim()
        handlers = {"solve": provider.handle}
        outcome = await perform_claim(self.bench, claim, None, handlers=handlers, on_progress=lambda _: None)
        await self.desk.settle((claim, outcome))
        return outcome

    async def crash(self, provider: Provider) -> None:
        """Die just after the submission, and be found dead."""
        claim = await self.claim()
        with pytest.raises(Crash):
            await self.step(provider, claim)
        provider.crashes_after_submit = False
        await self.desk.kill(claim.owner)
        await self.desk.tick()

    async def wake(self) -> None:
        await self.desk.execute("UPDATE task SET run_at = now()")
        await self.desk.tick()


@pytest.fixture
async def office(desk: Desk) -> Office:
    bench = Bench(pool=desk.pool, executor=ErrandPool(1), memory_mb=256, use_cache=False, chance=lambda: 0.5)
    return Office(desk, bench)


async def find_states(desk: Desk, job: Job) -> tuple[str, list[str]]:
    return (await desk.find(job)).state, await desk.states(job)


async def test_a_sleeping_job_holds_no_slot_and_wakes_with_its_handle(desk: Desk, office: Office) -> None:
    provider, job = Provider(), await desk.submit()
    assert isinstance(await office.step(provider), Sleep)
    assert await desk.count("SELECT count(*) FROM task WHERE state = 'running'") == 0
    await desk.tick()
    assert await desk.claim(await desk.register()) == []
    await office.wake()
    claim = await office.claim()
    assert isinstance(claim, SolveClaim)
    assert (claim.handle, claim.attempt, claim.failures) == ({"key": provider.submitted[0]}, 2, 0)
    assert isinstance(await office.step(provider, claim), Sleep)
    provider.finished = True
    await office.wake()
    await office.step(provider)
    assert len(provider.submitted) == 1
    assert await find_states(desk, job) == ("succeeded", ["queued", "running", "succeeded"])


async def test_what_was_submitted_by_a_worker_that_died_is_recovered(desk: Desk, office: Office) -> None:
    provider, job = Provider(crashes_after_submit=True), await desk.submit()
    await office.crash(provider)
    outcome = await office.step(provider)
    assert isinstance(outcome, Sleep)
    provider.finished = True
    await office.wake()
    await office.step(provider)
    assert len(provider.submitted) == 1
    assert (await desk.find(job)).state == "succeeded"


async def test_what_never_arrived_is_submitted_again(desk: Desk, office: Office) -> None:
    provider = Provider(refusal="timeout")
    await desk.submit()
    outcome = await office.step(provider)
    assert isinstance(outcome, Retry)
    provider.refusal = None
    await office.wake()
    assert isinstance(await office.step(provider), Sleep)
    assert len(provider.submitted) == 1


async def test_where_the_provider_cannot_tell_a_person_is_asked(desk: Desk, office: Office) -> None:
    provider, job = Provider(recovers=False, crashes_after_submit=True), await desk.submit()
    await office.crash(provider)
    assert isinstance(await office.step(provider), Review)
    found = await desk.find(job)
    assert (found.state, (found.error or {})["kind"]) == ("queued", "review")
    await desk.tick()
    assert await desk.claim(await desk.register()) == []
    async with desk.pool.acquire() as conn:
        (review,) = await list_reviews(conn)
    assert (review.job_id, review.key) == (job.id, provider.submitted[0])


async def test_a_refused_submission_leaves_no_doubt(desk: Desk, office: Office) -> None:
    provider = Provider(refusal="rate_limit", recovers=False)
    await desk.submit()
    assert isinstance(await office.step(provider), Retry)
    provider.refusal = None
    await office.wake()
    assert isinstance(await office.step(provider), Sleep)


async def test_a_provider_that_cannot_be_asked_is_asked_again_without_using_up_a_try(
    desk: Desk, office: Office
) -> None:
    provider = Provider()
    await desk.submit()
    await office.step(provider)
    provider.poll_error = "unavailable"
    for _ in range(5):
        await office.wake()
        assert isinstance(await office.step(provider), Sleep)
    provider.poll_error = "job_failed"
    await office.wake()
    assert isinstance(await office.step(provider), Failed)


async def test_a_sleeping_job_that_is_cancelled_is_stopped_at_the_provider(desk: Desk, office: Office) -> None:
    provider, job = Provider(), await desk.submit()
    await office.step(provider)
    assert (await desk.cancel(job)).state == "running"
    await office.step(provider)
    assert provider.cancelled == provider.submitted
    assert await find_states(desk, job) == ("cancelled", ["queued", "running", "cancelled"])


async def test_a_claim_that_is_cancelled_while_it_polls_is_stopped_at_the_provider(desk: Desk, office: Office) -> None:
    provider, job = Provider(), await desk.submit()
    await office.step(provider)
    await office.wake()
    polling = await office.claim()
    await desk.cancel(job)
    await desk.settle((polling, HandedBack()))
    await office.step(provider)
    assert provider.cancelled == provider.submitted
    assert (await desk.find(job)).state == "cancelled"


async def test_a_sleeping_job_wakes_at_its_deadline_and_is_stopped_at_the_provider(desk: Desk, office: Office) -> None:
    provider, job = Provider(), await desk.submit(deadline_s=3600)
    await office.step(provider)
    assert await desk.count("SELECT count(*) FROM task WHERE run_at = deadline_at") == 1
    await desk.execute("UPDATE task SET run_at = now(), deadline_at = now()")
    await desk.tick()
    await office.step(provider)
    assert provider.cancelled == provider.submitted
    found = await desk.find(job)
    assert (found.state, (found.error or {})["kind"]) == ("failed", "deadline")


async def test_a_real_worker_pursues_jobs_and_tasks_by_kind(desk: Desk, dsn: str) -> None:
    provider, job, stop = Provider(wait=timedelta()), await desk.submit(), asyncio.Event()
    async with ErrandPool(1) as executor:
        working = asyncio.create_task(
            run_worker(
                dsn,
                executor,
                lanes=[job.lane, CONTROL_LANE],
                slots=1,
                stop=stop,
                pace=Pace(grace_s=1.0),
                handlers={"solve": provider.handle},
            )
        )
        await desk.wait_until(lambda found: found.state == "running" and bool(provider.submitted), job)
        provider.finished = True
        (job,) = await desk.wait_final(job)
        stop.set()
        await asyncio.wait_for(working, PATIENCE_S)
    assert (job.state, len(provider.submitted)) == ("succeeded", 1)

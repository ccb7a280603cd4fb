"""Work off the queue under a lease: claim jobs, have them solved, write down what became of them."""

import asyncio
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from quantum_scheduler.jobs.cancel import find_cancelled
from quantum_scheduler.jobs.claim import claim_tasks, find_held, find_ready_lanes, release_strays
from quantum_scheduler.jobs.lease import hold_lease
from quantum_scheduler.jobs.ledger import Ledger
from quantum_scheduler.jobs.look_up import read_problems
from quantum_scheduler.jobs.model import (
    JOB_CHANGED,
    TASK_READY,
    Claim,
    Fence,
    HandedBack,
    Outcome,
    Settled,
    SolveClaim,
)
from quantum_scheduler.jobs.perform import Handler, perform_claim
from quantum_scheduler.jobs.progress import report_progress
from quantum_scheduler.jobs.repeat import attempt, end_all, repeat
from quantum_scheduler.jobs.scale import adapt_slots
from quantum_scheduler.jobs.settle import identify
from quantum_scheduler.jobs.slots import Run, Slots
from quantum_scheduler.jobs.solve import Bench
from quantum_scheduler.jobs.tick import TICK_S, tick
from quantum_scheduler.postgres.listen import Listener, Notifier

POLL_S = 1.0
PROGRESS_EVERY_S = 0.5
OBEY_EVERY_S = 0.05
# A notice can be lost.
OBEY_AT_LEAST_EVERY_S = 5.0
# So much may have ended and wait to be written down; then nothing more is claimed.
UNSETTLED_MAX = 2_000
# How long a worker that leaves tries to write down what it has.
FAREWELL_S = 5.0

log = structlog.get_logger(__name__)


class Worker:
    """What is claimed: at work in the slots, or ended and not written down yet."""

    def __init__(
        self,
        bench: Bench,
        handlers: Mapping[str, Handler],
        listener: Listener,
        notifier: Notifier,
        *,
        lanes: Sequence[str],
        slots: int,
        stop: asyncio.Event,
    ) -> None:
        self._bench = bench
        self._handlers = handlers
        self._listener = listener
        self._notifier = notifier
        self._lanes = list(lanes)
        self._work_waits = asyncio.Event()
        self._own_slots = slots
        self._slots = Slots(slots, perform=self._perform, on_end=self._finish, on_free=self._work_waits.set)
        self._stop = stop
        self._runs: dict[Fence, Run] = {}
        self._jobs: set[str | None] = set()
        self.ledger = Ledger(bench.pool, remember=bench.use_cache, on_settled=self._note)
        self._news: dict[Fence, tuple[Claim, Mapping[str, Any]]] = {}
        self._is_in_doubt = False
        self._change_waits = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def serve(self, dsn: str, *, lease_s: float, grace_s: float, statement_cache: bool) -> None:
        """Work under one lease until it is lost or the worker is to stop."""
        lost = asyncio.Event()

        def lose(reason: str) -> None:
            log.error("worker.lost_lease", reason=reason, runs=len(self._runs))
            self._slots.stop(self._runs.values(), None)
            lost.set()

        async with hold_lease(
            dsn,
            lanes=self._lanes,
            slots=self._slots.count,
            lease_s=lease_s,
            on_lost=lose,
            on_cancelled=self._cancel,
            statement_cache=statement_cache,
        ) as worker_id:
            log.info("worker.started", worker_id=str(worker_id), lanes=self._lanes, slots=self._slots.count)
            claiming = asyncio.create_task(self._claim_always(worker_id))
            ends = [asyncio.create_task(self._stop.wait()), asyncio.create_task(lost.wait())]
            others = [
                asyncio.create_task(repeat(partial(self._tick, worker_id), pause_s=TICK_S)),
                asyncio.create_task(repeat(self._report, pause_s=PROGRESS_EVERY_S)),
                asyncio.create_task(self._hear_of_work()),
                asyncio.create_task(self._hear_of_changes()),
                asyncio.create_task(repeat(partial(self._obey, worker_id), pause_s=OBEY_EVERY_S)),
            ]
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if not lost.is_set():
                    await self._drain(claiming, grace_s)
            finally:
                await end_all([claiming, *others, *ends])
        log.info("worker.stopped", worker_id=str(worker_id))

    async def kill(self) -> None:
        """Stop all work at once, whatever becomes of it."""
        self._slots.stop(self._runs.values(), None)
        await self._slots.wait()

    @property
    def _room(self) -> int:
        """How much more may be claimed now."""
        return min(self._slots.room, UNSETTLED_MAX - self.ledger.unsettled)

    async def _claim_always(self, worker_id: UUID) -> None:
        while not self._stop.is_set():
            self._work_waits.clear()
            if self._room > 0:
                self._slots.look_ahead()
            if self._room > 0:
                await attempt(partial(self._claim, worker_id))
            await _wait(self._work_waits, POLL_S)

    async def _claim(self, worker_id: UUID) -> None:
        """Fill the free slots; the lanes come first in turn."""
        self._lanes.append(self._lanes.pop(0))
        async with self._bench.pool.acquire() as conn:
            if self._is_in_doubt:
                async with conn.transaction():
                    await release_strays(conn, worker_id, self._runs.keys())
            self._is_in_doubt = True  # until what is claimed is at work
            for lane in await find_ready_lanes(conn, self._lanes):
                if self._room > 0:
                    async with conn.transaction():
                        claims = await claim_tasks(conn, lane, self._room, worker_id)
                    solved = [claim for claim in claims if isinstance(claim, SolveClaim)]
                    large = [claim.job_id for claim in solved if not claim.problem and claim.kind not in self._handlers]
                    problems = {claim.job_id: claim.problem for claim in solved}
                    if large:
                        problems |= await read_problems(conn, large[: self._slots.count])
                    self._begin(claims, problems)
                    self._hand_back(set(large[self._slots.count :]))
            self._is_in_doubt = False

    def _begin(self, claims: Sequence[Claim], problems: Mapping[UUID, bytes | None]) -> None:
        runs = []
        for claim in claims:
            if claim.fence in self._runs:
                continue  # a crash of Postgres forgot that we had claimed it, but we did not
            problem, job = (None, None) if claim.job_id is None else (problems.get(claim.job_id), str(claim.job_id))
            run = self._runs[claim.fence] = Run(claim, problem, job)
            runs.append(run)
            self._jobs.add(job)
            self._tell_of_change(run)
        if runs:
            self._idle.clear()
            self._slots.begin(runs)

    async def _perform(self, run: Run) -> Outcome:
        def note(progress: Mapping[str, Any]) -> None:
            self._news[run.claim.fence] = (run.claim, progress)

        return await perform_claim(self._bench, run.claim, run.problem, handlers=self._handlers, on_progress=note)

    def _finish(self, run: Run, outcome: Outcome | None) -> None:
        if outcome is None:
            self._is_in_doubt = True  # the task may still be ours
            self._let_go(run)
        else:
            self.ledger.add(run, outcome)

    def _let_go(self, run: Run) -> None:
        del self._runs[run.claim.fence]
        self._jobs.discard(run.job)
        self._work_waits.set()
        if not self._runs:
            self._idle.set()

    def _hand_back(self, job_ids: Set[UUID]) -> None:
        """Let go of what was claimed ahead and is too large to be held until there is a slot for it."""
        if job_ids:
            self._slots.stop([run for run in self._runs.values() if run.claim.job_id in job_ids], HandedBack())

    def _cancel(self, job_ids: Sequence[UUID]) -> None:
        # A task that could not be handed back was cancelled and ends so; one that a provider has goes to its handler.
        found = [run for run in self._runs.values() if run.claim.job_id in job_ids and not run.claim.is_cancelled]
        self._slots.stop(found, HandedBack())

    def _tell_of_change(self, run: Run) -> None:
        if run.job is not None:
            self._notifier.notify(JOB_CHANGED, run.job)

    def _note(self, run: Run, settled: Settled | None) -> None:
        self._let_go(run)
        self._tell_of_change(run)
        if settled is not None and settled.ready_lane is not None:
            self._notifier.notify(TASK_READY, settled.ready_lane)

    async def _tick(self, worker_id: UUID) -> None:
        async with self._bench.pool.acquire() as conn:
            async with conn.transaction():
                report = await tick(conn)
            slots = await adapt_slots(conn, worker_id, self._own_slots)
        if slots != self._slots.count:
            self._slots.resize(slots)
            self._bench.executor.resize(slots)
            self._work_waits.set()
        for dead_id in report.dead_workers:
            log.warning("worker.found_dead", worker_id=str(dead_id))
        for job_id in report.changed_jobs:
            self._notifier.notify(JOB_CHANGED, str(job_id))
        for lane in report.ready_lanes:
            self._notifier.notify(TASK_READY, lane)

    async def _report(self) -> None:
        news, self._news = self._news, {}
        if news:
            async with self._bench.pool.acquire() as conn:
                for job_id in await report_progress(conn, list(news.values())):
                    self._notifier.notify(JOB_CHANGED, str(job_id))

    async def _hear_of_work(self) -> None:
        with self._listener.subscribe(TASK_READY) as notices:
            async for lane in notices:
                if lane is None or lane in self._lanes:
                    self._work_waits.set()

    async def _hear_of_changes(self) -> None:
        with self._listener.subscribe(JOB_CHANGED, but_of=self._notifier) as notices:
            async for job_id in notices:
                if job_id is None or job_id in self._jobs:
                    self._change_waits.set()

    async def _obey(self, worker_id: UUID) -> None:
        """Stop what was cancelled or taken away, once somebody else has changed a job at work."""
        await _wait(self._change_waits, OBEY_AT_LEAST_EVERY_S)
        self._change_waits.clear()
        runs = [run for run in self._runs.values() if not run.is_over]
        if runs:
            async with self._bench.pool.acquire() as conn:
                self._cancel(await find_cancelled(conn, worker_id))
                held = await find_held(conn, worker_id)
            lost = [run for run in runs if run.claim.fence not in held and not run.is_over]
            for run in lost:
                log.warning("job.claim_lost", attempt=run.claim.attempt, **identify(run.claim))
            self._slots.stop(lost, None)

    async def _drain(self, claiming: asyncio.Task[None], grace_s: float) -> None:
        """Claim nothing more, let what runs end for a while, hand the rest back, and write all down."""
        log.info("worker.draining", runs=len(self._runs), grace_s=grace_s)
        self._work_waits.set()
        await asyncio.wait([claiming], timeout=FAREWELL_S)
        await _wait(self._idle, grace_s)
        self._slots.stop(self._runs.values(), HandedBack())
        await _wait(self._idle, FAREWELL_S)
        if self._runs:
            log.warning("worker.left_unsettled", claims=[identify(run.claim) for run in self._runs.values()])


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)

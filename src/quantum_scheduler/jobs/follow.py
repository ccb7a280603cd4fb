"""Follow jobs as they change: any number of readers on one subscription."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import chain
from types import TracebackType
from typing import Self
from uuid import UUID

from quantum_scheduler.jobs.look_up import find_job, read_events
from quantum_scheduler.jobs.model import EVENTS_PER_READ_MAX, JOB_CHANGED, Job, JobEvent
from quantum_scheduler.postgres.connect import Pool, transient
from quantum_scheduler.postgres.listen import Listener

FOLLOWERS_MAX = 500
# Notices can be lost while the database restarts; whoever follows looks this often by itself.
LOOK_EVERY_S = 1.0


class TooManyFollowers(Exception):  # noqa: N818  an error is named for what happened
    """As many requests follow jobs as the service can serve at once."""

    def __init__(self, followers_max: int) -> None:
        super().__init__(f"{followers_max:,} requests are following jobs already; try again soon, or ask now and then")


class JobChanges:
    """Wakes whoever follows a job when the database tells that it changed, until `stop` is set.

    Use it as `async with JobChanges(listener, stop=stop) as changes`.
    """

    def __init__(self, listener: Listener, *, stop: asyncio.Event, followers_max: int = FOLLOWERS_MAX) -> None:
        self._listener = listener
        self._stop = stop
        self._followers_max = followers_max
        self._places = followers_max
        self._followers: dict[str, set[asyncio.Event]] = {}
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether the service is stopping, so that nothing should be waited for any more."""
        return self._stop.is_set()

    @property
    def is_full(self) -> bool:
        """Whether there is no place left to follow from."""
        return self._places == 0

    @contextmanager
    def follow(self, job_id: UUID) -> Iterator[asyncio.Event]:
        """Lend an event that is set whenever the job may have changed. Raises TooManyFollowers."""
        if self.is_full:
            raise TooManyFollowers(self._followers_max)
        changed = asyncio.Event()
        self._places -= 1
        followers = self._followers.setdefault(str(job_id), set())
        followers.add(changed)
        try:
            yield changed
        finally:
            self._places += 1
            followers.discard(changed)
            if not followers:
                self._followers.pop(str(job_id), None)

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._tasks = (
            asyncio.create_task(self._pass_on(), name="jobs.changes"),
            asyncio.create_task(self._wake_all_at_stop(), name="jobs.changes.stop"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self) -> None:
        with self._listener.subscribe(JOB_CHANGED) as notices:
            async for job_id in notices:
                self._wake(job_id)

    async def _wake_all_at_stop(self) -> None:
        await self._stop.wait()
        self._wake(None)

    def _wake(self, job_id: str | None) -> None:
        """Wake the followers of a job, or with None everybody."""
        woken = self._followers.values() if job_id is None else [self._followers.get(job_id, set())]
        for changed in chain.from_iterable(woken):
            changed.set()


async def await_end(pool: Pool, changes: JobChanges, job: Job, *, wait_s: float) -> Job:
    """Wait up to `wait_s` until a job has ended, and return it as it then stands.

    Where no more followers have a place, or the service stops, it returns early; while the database is away, it
    returns the job as it was last seen, because the customer must learn that it was taken in.
    """
    if changes.is_full:
        return job
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + wait_s
    with changes.follow(job.id) as changed:
        while not job.is_final and not changes.is_over and (left_s := give_up_at - loop.time()) > 0:
            changed.clear()
            job = await _look(pool, job)
            if not job.is_final:
                await _wait(changed, min(left_s, LOOK_EVERY_S))
    return job


async def follow_events(
    pool: Pool, changes: JobChanges, changed: asyncio.Event, org_id: UUID, job_id: UUID, *, after: int
) -> AsyncIterator[JobEvent]:
    """Tell what is told about a job after event `after`, until it has ended or the service stops.

    `changed` is the event that `changes.follow` lent.
    """
    while not changes.is_over:
        changed.clear()
        async with pool.acquire() as conn:
            job = await find_job(conn, org_id, job_id)
            events = await read_events(conn, org_id, job_id, after=after)
        for event in events:
            after = event.seq
            yield event
        if job.is_final and len(events) < EVENTS_PER_READ_MAX:
            return
        if not events:
            await _wait(changed, LOOK_EVERY_S)


async def _look(pool: Pool, job: Job) -> Job:
    """The job as it stands now, or as it was last seen while the database is away."""
    try:
        async with pool.acquire() as conn:
            return await find_job(conn, job.org_id, job.id)
    except Exception as error:
        if not transient(error):
            raise
        return job


async def _wait(changed: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await changed.wait()
    except TimeoutError:
        return

"""The control plane on one screen: incidents escalate, quotas are told, messages delivered, by one leader at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from quantum_scheduler.app import Duty
from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.incidents.paging.escalate import escalate_due, find_next_due
from quantum_scheduler.incidents.status.follow import follow
from quantum_scheduler.incidents.status.subscriptions.tell import tell_maintenance
from quantum_scheduler.jobs.repeat import PAUSE_AFTER_FAILURE_S, attempt, repeat, tell_failure
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED, ChannelName
from quantum_scheduler.notifications.outbox import deliver_due, find_next_delivery, release_strays
from quantum_scheduler.notifications.port import Channel
from quantum_scheduler.notifications.tell_quotas import (
    FORECAST_EVERY,
    NOBODY_ELSE,
    QuotaAudience,
    tell_forecasts,
    tell_notices,
)
from quantum_scheduler.postgres.connect import Pool, open_pool
from quantum_scheduler.postgres.elect import lead
from quantum_scheduler.postgres.listen import Listener

OFFICE = "watch"
LOOK_EVERY_S = 1.0
LOOK_AGAIN_S = 0.05
# So soon the status page shows that a maintenance begins or ends.
FOLLOW_EVERY_S = 5.0
FAREWELL_S = 5.0
QUOTAS_EVERY_S = 5.0
CONNECTIONS_MAX = 8
# So many batches may be on their way at once, so that a receiver that takes its time does not keep others waiting.
BATCHES_MAX = 4

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """Time and chance, as the watch knows them; `chance` gives numbers in [0, 1) that spread retries."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: Callable[[], float] = random.random


async def run_watch(
    dsn: str,
    channels: Mapping[ChannelName, Channel],
    audience: Audience,
    *,
    stop: asyncio.Event,
    quota_audience: QuotaAudience = NOBODY_ELSE,
    duties: Sequence[Duty] = (),
    statement_cache: bool = True,
    senses: Senses = Senses(),
) -> None:
    """Watch until `stop` is set: stand by until this process leads, then escalate, tell and deliver what is due.

    Whoever leads does what else is in `duties`.

    It outlives restarts of the database. Raises DatabaseUnavailable where that cannot be reached at first.
    """
    pool = await open_pool(
        dsn, size_max=CONNECTIONS_MAX, application_name="quantum-scheduler watch", statement_cache=statement_cache
    )
    try:
        async with Listener(dsn) as listener:
            stopping = asyncio.create_task(stop.wait())
            while not stop.is_set():
                watch = _Watch(pool, listener, channels, audience, quota_audience, duties, senses)
                watching = asyncio.create_task(_lead(dsn, watch))
                await asyncio.wait((watching, stopping), return_when=asyncio.FIRST_COMPLETED)
                watching.cancel()
                (ended,) = await asyncio.gather(watching, return_exceptions=True)
                if isinstance(ended, Exception):
                    tell_failure(ended, "watch")
                    await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
            stopping.cancel()
    finally:
        pool.terminate()


async def _lead(dsn: str, watch: "_Watch") -> None:
    """Wait to become the leader and be it, until the office is lost."""
    async with lead(dsn, OFFICE, name=watch.name) as lost:
        log.info("watch.leads")
        ends = asyncio.create_task(lost.wait())
        work = [asyncio.create_task(each) for each in watch.begin()]
        try:
            await asyncio.wait((ends, *work), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ends, *work):
                task.cancel()
            await asyncio.gather(ends, *work, return_exceptions=True)
            await watch.end()
    log.warning("watch.leads_no_more")


class _Watch:
    """What the leader does."""

    def __init__(
        self,
        pool: Pool,
        listener: Listener,
        channels: Mapping[ChannelName, Channel],
        audience: Audience,
        quota_audience: QuotaAudience,
        duties: Sequence[Duty],
        senses: Senses,
    ) -> None:
        self._pool = pool
        self._listener = listener
        self._channels = channels
        self._audience = audience
        self._quota_audience = quota_audience
        self._forecast_at = datetime.min.replace(tzinfo=UTC)
        self._duties = duties
        self._senses = senses
        self.name = f"quantum-scheduler watch {uuid4().hex[:12]}"
        self._posted = asyncio.Event()
        self._batches: set[asyncio.Task[None]] = set()

    def begin(self) -> Iterator[Coroutine[None, None, None]]:
        """Begin all that goes on side by side."""
        yield from (self.escalate_always(), self.tell_quotas_always(), self.deliver_always())
        yield from (self.follow_always(), self.hear())
        yield from (duty(self._pool, self._senses.now) for duty in self._duties)

    async def escalate_always(self) -> None:
        """Page whoever is due, as often as it takes."""
        while True:
            await attempt(self._escalate, room="watch")
            await asyncio.sleep(max(await self._find_pause(find_next_due), LOOK_AGAIN_S))

    async def tell_quotas_always(self) -> None:
        """Tell organisations how their quotas stand, as often as there is news."""
        await repeat(self._tell_quotas, pause_s=QUOTAS_EVERY_S, room="watch")

    async def deliver_always(self) -> None:
        """Send what is due, as soon as it is."""
        while True:
            self._posted.clear()
            pause_s = await self._find_pause(find_next_delivery)
            if pause_s > 0.0 or len(self._batches) >= BATCHES_MAX:
                await _wait(self._posted, pause_s or LOOK_EVERY_S)
                continue
            batch = asyncio.create_task(attempt(self._deliver, room="watch"))
            self._batches.add(batch)
            batch.add_done_callback(self._end_batch)
            # What the batch takes is not due any more a moment later.
            await asyncio.sleep(LOOK_AGAIN_S)

    async def follow_always(self) -> None:
        """Keep the status page true."""
        await repeat(self._follow, pause_s=FOLLOW_EVERY_S, room="watch")

    async def hear(self) -> None:
        """Hear of what others post."""
        with self._listener.subscribe(NOTIFICATION_POSTED) as notices:
            async for _ in notices:
                self._posted.set()

    async def end(self) -> None:
        """Let what is being sent arrive, for a while; what is broken off is sent again, under the same id."""
        if self._batches:
            await asyncio.wait(self._batches, timeout=FAREWELL_S)
        for batch in self._batches:
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    def _end_batch(self, batch: "asyncio.Task[None]") -> None:
        self._batches.discard(batch)
        self._posted.set()

    async def _escalate(self) -> None:
        now = self._senses.now()
        async with self._pool.acquire() as conn:
            async with conn.transaction():
                expired = await respond.expire(conn, self._audience, now=now)
            told = await escalate_due(conn, now=now)
            strays = await release_strays(conn, now=now)
        if expired or told or strays:
            log.info("watch.escalated", pages=told, expired=len(expired), strays=strays)
            self._posted.set()

    async def _tell_quotas(self) -> None:
        now = self._senses.now()
        async with self._pool.acquire() as conn, conn.transaction():
            told = await tell_notices(conn, self._quota_audience, now=now)
            if is_forecast_due := now >= self._forecast_at:
                told += await tell_forecasts(conn, self._quota_audience, now=now)
        if is_forecast_due:
            self._forecast_at = now + FORECAST_EVERY
        if told:
            log.info("watch.quotas_told", notices=told)
            self._posted.set()

    async def _follow(self) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            if changed := await follow(conn, now=self._senses.now()):
                log.info("watch.status_changed", components=changed)
            if await tell_maintenance(conn, now=self._senses.now()):
                self._posted.set()

    async def _deliver(self) -> None:
        await deliver_due(self._pool, self._channels, now=self._senses.now, chance=self._senses.chance, by=self.name)

    async def _find_pause(self, find: Callable[..., Awaitable[datetime | None]]) -> float:
        """For how long nothing is due, but no longer than `LOOK_EVERY_S`."""
        try:
            async with self._pool.acquire() as conn:
                due = await find(conn)
        except Exception as error:
            tell_failure(error, "watch")
            return PAUSE_AFTER_FAILURE_S
        left_s = LOOK_EVERY_S if due is None else (due - self._senses.now()).total_seconds()
        return min(LOOK_EVERY_S, max(0.0, left_s))


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return

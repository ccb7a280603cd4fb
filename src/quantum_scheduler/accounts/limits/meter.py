"""Add up what is asked of the API in this process, and write it down in batches: no request waits for a count."""

import asyncio
import socket
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import psutil
import structlog

from quantum_scheduler.accounts.limits.request_model import ApiProcess
from quantum_scheduler.accounts.limits.store import bucket, process, total
from quantum_scheduler.accounts.limits.store import request as store
from quantum_scheduler.postgres.connect import Pool, transient
from quantum_scheduler.postgres.model import DatabaseUnavailable

SLOT_S = 15
FLUSH_EVERY_S = 5.0
PRUNE_EVERY_S = 60.0
# What could not be written for so long is given up.
SLOTS_KEPT_S = 600
CONSUMERS_MAX = 50_000
# Upper bounds of the counts of answers by how long they took; the last count is of those that took longer.
LATENCY_BOUNDS_MS = (
    1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750,
    1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000, 60_000,
)  # fmt: skip

TOO_MANY_REQUESTS = 429

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class RouteCount:
    """The requests of one route that were answered with one status in one slot.

    `exemplars` are the last request of each latency's place, with its seconds and when it was answered.
    """

    requests: int = 0
    shadowed: int = 0
    seconds: float = 0.0
    exemplars: dict[str, tuple[str, float, float]] = field(default_factory=dict)
    latencies: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_MS) + 1))


@dataclass(slots=True)
class ConsumerCount:
    """The requests of one organisation in one slot; `ms` is how long all of them took together."""

    requests: int = 0
    refused: int = 0
    ms: float = 0.0


class RequestMeter:
    """What this process has answered and not yet written down. Use it as `async with RequestMeter(...) as meter`.

    `clock` tells seconds since 1970.
    """

    def __init__(self, pool: Pool, *, clock: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._clock = clock
        self._routes: dict[tuple[int, str, int], RouteCount] = {}
        self._consumers: dict[tuple[int, UUID], ConsumerCount] = {}
        self._prune_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._id = uuid4()
        self._process = psutil.Process()

    def record(
        self,
        route: str,
        status: int,
        *,
        ms: float | None,
        org_id: UUID | None = None,
        is_shadowed: bool = False,
        request_id: str | None = None,
    ) -> None:
        """Count a request; `ms` is None where its customer asked for the answer to wait."""
        now_s = self._clock()
        slot = int(now_s) // SLOT_S * SLOT_S
        count = self._routes.setdefault((slot, route, status), RouteCount())
        count.requests += 1
        count.shadowed += is_shadowed
        if ms is not None:
            place = bisect_left(LATENCY_BOUNDS_MS, ms)
            count.latencies[place] += 1
            count.seconds += ms / 1000
            if request_id is not None:
                count.exemplars[str(place)] = (request_id, ms / 1000, now_s)
        if org_id is not None and (len(self._consumers) < CONSUMERS_MAX or (slot, org_id) in self._consumers):
            consumer = self._consumers.setdefault((slot, org_id), ConsumerCount())
            consumer.requests += 1
            consumer.refused += status == TOO_MANY_REQUESTS
            consumer.ms += ms or 0.0

    async def flush(self) -> None:
        """Write down what was counted; what cannot be written waits for the next time."""
        routes, self._routes = self._routes, {}
        consumers, self._consumers = self._consumers, {}
        try:
            asked_at = time.monotonic()
            async with self._pool.acquire() as conn, conn.transaction():
                wait_s = time.monotonic() - asked_at
                await store.add_routes(conn, routes)
                await total.add_totals(conn, routes)
                await store.add_consumers(conn, consumers)
                await process.beat(conn, self._describe(wait_s))
        except Exception as error:
            if not isinstance(error, DatabaseUnavailable) and not transient(error):
                raise
            log.warning("requests.unwritten", reason=str(error) or type(error).__name__)
            self._take_back(routes, consumers)

    async def __aenter__(self) -> Self:
        """Begin to write down what is counted, every now and then."""
        self._task = asyncio.create_task(self._keep_flushing(), name="limits.meter")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write down the rest and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def _keep_flushing(self) -> None:
        """Flush for as long as the process serves, and prune what is old."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            try:
                await self.flush()
                if self._clock() >= self._prune_at:
                    self._prune_at = self._clock() + PRUNE_EVERY_S
                    async with self._pool.acquire() as conn:
                        await bucket.prune(conn)
                        await store.prune(conn)
                        await process.prune(conn)
            except Exception as error:
                if not isinstance(error, DatabaseUnavailable) and not transient(error):
                    log.exception("requests.unmetered")

    def _describe(self, pool_wait_s: float) -> ApiProcess:
        return ApiProcess(
            id=self._id,
            host=socket.gethostname(),
            pid=self._process.pid,
            pool_wait_s=pool_wait_s,
            memory_mb=self._process.memory_info().rss / 2**20,
        )

    def _take_back(
        self, routes: dict[tuple[int, str, int], RouteCount], consumers: dict[tuple[int, UUID], ConsumerCount]
    ) -> None:
        """Count again what was counted before, unless it is too old."""
        oldest = self._clock() - SLOTS_KEPT_S
        for key, count in routes.items():
            if key[0] >= oldest:
                mine = self._routes.setdefault(key, RouteCount())
                mine.requests += count.requests
                mine.shadowed += count.shadowed
                mine.seconds += count.seconds
                mine.latencies = [sum(pair) for pair in zip(mine.latencies, count.latencies, strict=True)]
                mine.exemplars = count.exemplars | mine.exemplars
        for who, consumer in consumers.items():
            if who[0] >= oldest:
                own = self._consumers.setdefault(who, ConsumerCount())
                own.requests += consumer.requests
                own.refused += consumer.refused
                own.ms += consumer.ms

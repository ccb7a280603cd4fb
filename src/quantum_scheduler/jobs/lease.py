"""Hold a worker's lease from a thread of its own, so that nothing the event loop is busy with can lose it."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeAlias
from uuid import UUID

import psutil
import structlog

from quantum_scheduler.jobs.store import worker as store
from quantum_scheduler.postgres.connect import DirectConnection, connect, transient

LEASE_S = 15.0
# So many beats in a row may be missed before the lease is lost.
BEATS_PER_LEASE = 5
LEAVE_TIMEOUT_S = 5.0
APPLICATION_NAME = "quantum-scheduler worker lease"

Open: TypeAlias = Callable[[], Awaitable[DirectConnection]]

log = structlog.get_logger(__name__)


@asynccontextmanager
async def hold_lease(
    dsn: str,
    *,
    lanes: Sequence[str],
    slots: int,
    lease_s: float,
    on_lost: Callable[[str], None],
    on_cancelled: Callable[[Sequence[UUID]], None],
    statement_cache: bool = True,
) -> AsyncIterator[UUID]:
    """Register this process as a worker and beat for it while the block runs; then let others have what it still holds.

    In the event loop, `on_lost` is called with the reason if the lease is taken away, or could not be renewed for
    `lease_s`, and `on_cancelled` with the jobs that should be stopped, at each beat that finds some.
    """
    renewed_at = time.monotonic()
    open_connection = partial(connect, dsn, application_name=APPLICATION_NAME, statement_cache=statement_cache)
    connection = await open_connection()
    try:
        worker_id = await store.register(
            connection, host=socket.gethostname(), pid=os.getpid(), lanes=lanes, slots=slots, lease_s=lease_s
        )
    finally:
        await connection.close()
    beat = _Beat(
        open_connection, worker_id, lease_s=lease_s, renewed_at=renewed_at, on_lost=on_lost, on_cancelled=on_cancelled
    )
    beat.thread.start()
    try:
        yield worker_id
    finally:
        beat.ended.set()
        await asyncio.to_thread(beat.thread.join)
        await _leave(open_connection, worker_id)


async def _leave(open_connection: Open, worker_id: UUID) -> None:
    """Give the lease up if the database can be reached; if not, it will run out."""
    try:
        async with asyncio.timeout(LEAVE_TIMEOUT_S):
            connection = await open_connection()
            try:
                await store.leave(connection, worker_id)
            finally:
                await connection.close()
    except Exception as error:
        if not transient(error):
            raise
        log.warning("worker.left_in_silence", worker_id=str(worker_id), reason=str(error))


def measure_memory_mb(process: psutil.Process) -> float:
    """Add up what a process and those below it hold in memory; one that ends meanwhile holds nothing.

    A fork, which has the command line of its parent, shares what that held: only what it holds beyond that is counted.
    """
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            total += child.memory_info().rss - _measure_shared(child)
    return total / 2**20


def _measure_shared(child: psutil.Process) -> int:
    held, parent = child.memory_info().rss, child.parent()
    if parent is None or parent.cmdline() != child.cmdline():
        return 0
    return min(held, parent.memory_info().rss)


class _Beat:
    """The thread that renews one lease. `ended` ends it."""

    def __init__(
        self,
        open_connection: Open,
        worker_id: UUID,
        *,
        lease_s: float,
        renewed_at: float,
        on_lost: Callable[[str], None],
        on_cancelled: Callable[[Sequence[UUID]], None],
    ) -> None:
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._keep, name="worker.beat", daemon=True)
        self._open_connection = open_connection
        self._worker_id = worker_id
        self._lease_s = lease_s
        self._renewed_at = renewed_at
        self._on_lost = on_lost
        self._on_cancelled = on_cancelled
        self._loop = asyncio.get_running_loop()
        self._connection: DirectConnection | None = None
        self._process = psutil.Process()

    def _keep(self) -> None:
        with asyncio.Runner() as runner:
            while not self.ended.wait(self._lease_s / BEATS_PER_LEASE):
                lost = runner.run(self._beat())
                if lost is not None:
                    self._tell(self._on_lost, lost)
                    break
            self._disconnect()

    async def _beat(self) -> str | None:
        """Renew the lease once; why it is lost, or None while it is not."""
        began_at = time.monotonic()
        try:
            # Counted from before the beat that succeeded, the lease ends here before it ends in the database.
            async with asyncio.timeout(self._renewed_at + self._lease_s - began_at):
                if self._connection is None:
                    self._connection = await self._open_connection()
                if not await store.beat(self._connection, self._worker_id, measure_memory_mb(self._process)):
                    return "it was taken away"
                self._renewed_at = began_at
                cancelled = await store.find_cancelled(self._connection, self._worker_id)
        except Exception as error:  # whatever it is that keeps a worker from beating, it may only cost the lease
            log.warning("worker.beat_missed", worker_id=str(self._worker_id), reason=str(error) or type(error).__name__)
            self._disconnect()
            is_over = time.monotonic() >= self._renewed_at + self._lease_s
            return f"it could not be renewed for {self._lease_s:g} s" if is_over else None
        if cancelled:
            self._tell(self._on_cancelled, cancelled)
        return None

    def _tell(self, listener: Callable[..., None], news: object) -> None:
        with suppress(RuntimeError):  # a loop that has been closed needs no news
            self._loop.call_soon_threadsafe(listener, news)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

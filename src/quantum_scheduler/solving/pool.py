"""The local executor: a pool of supervised child processes that answer calls over sockets of their own."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import structlog

from quantum_scheduler.solving.converse import NeverBegan, converse, read_answer
from quantum_scheduler.solving.fork import Stem
from quantum_scheduler.solving.frame import FrameTooLarge, Kind, pack_frame
from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed, ComputeTimedOut, ComputeUnavailable
from quantum_scheduler.solving.spawn import Child, spawn_child

# One child beyond those at work is always started, so that a killed one is replaced without waiting for its imports.
SPARES = 1
# A child is replaced after so many calls, or once it has kept so much memory: native libraries leak and fragment.
CALLS_PER_CHILD_MAX = 1_000
RESIDENT_GROWTH_MAX_BYTES = 512 * 2**20
# Imports take seconds, and many times as long where solvers have every core.
START_TIMEOUT_S = 300.0
EXIT_GRACE_S = 1.0
# How often a call is handed to another child because the first died before it began; more means that none can live.
HANDOVERS_MAX = 3

log = structlog.get_logger()


class ProcessPool:
    """An `Executor` of `size` child processes, which `resize` changes, for the event loop it is first used in.

    `preload` names modules that each child imports before it is given a call; with `forks`, one process imports them
    and every child is forked from it, which is cheap however many have to be killed. `environ` replaces the children's
    environment. A function that is killed takes its whole process group along, and when `run` returns or raises,
    by cancellation too, nothing of the call still runs. If this process dies, so do all children.
    """

    def __init__(
        self, size: int, preload: Sequence[str] = (), *, environ: Mapping[str, str] | None = None, forks: bool = False
    ) -> None:
        if size < 1:
            raise ValueError(f"a pool of {size} processes can run nothing")
        self._size = size
        self._preload = tuple(preload)
        self._environ = environ
        self._stem = Stem(self._preload, environ=environ) if forks else None
        self._births = 0
        self._calls = 0
        self._turns: deque[asyncio.Future[None]] = deque()
        self._children: set[Child] = set()
        self._idle: list[Child] = []
        self._waiting: deque[asyncio.Future[Child]] = deque()
        self._errands: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        self._fill()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run(
        self,
        function: str,
        argument: bytes,
        *,
        timeout_s: float,
        memory_mb: int,
        on_progress: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """Run `function` as the port says; the deadline counts from when a process takes it up.

        An argument, result or report over its limit raises ComputeFailed of kind `too_large`.
        """
        try:
            call = pack_frame(Kind.CALL, json.dumps({"function": function, "memory_mb": memory_mb}).encode())
            call += pack_frame(Kind.ARGUMENT, argument)
        except FrameTooLarge as error:
            raise ComputeFailed(f"the argument is too large: {error}", kind="too_large") from error
        await self._await_turn()
        try:
            for _ in range(HANDOVERS_MAX):
                child = await self._take()
                with suppress(NeverBegan):
                    return await self._call(child, call, timeout_s, memory_mb, on_progress)
        finally:
            self._calls -= 1
            self._give_turns()
        raise ComputeUnavailable("every process died before it began the call")

    async def warm(self) -> None:
        """Wait until a process has imported what it should. Raises ComputeUnavailable."""
        self._offer(await self._take())

    def resize(self, calls: int) -> None:
        """Make room for so many calls at once: processes are started now, and those too many end when they idle."""
        if calls < 1:
            raise ValueError(f"a pool of {calls} processes can run nothing")
        self._size = calls
        self._fill()
        while self._has_too_many() and self._idle:
            self._dismiss(self._idle.pop())
        self._give_turns()

    async def _await_turn(self) -> None:
        """Wait until fewer calls are under way than there may be, and count as one."""
        if self._calls < self._size:
            self._calls += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._calls -= 1
                self._give_turns()
            raise

    def _give_turns(self) -> None:
        while self._turns and self._calls < self._size:
            turn = self._turns.popleft()
            if not turn.done():
                self._calls += 1
                turn.set_result(None)

    def _has_too_many(self) -> bool:
        return len(self._children) > self._size + SPARES

    def _dismiss(self, child: Child) -> None:
        """End a child that has nothing to do."""
        self._children.discard(child)
        ending = asyncio.create_task(child.end())
        self._errands.add(ending)
        ending.add_done_callback(self._errands.discard)

    async def close(self) -> None:
        """Kill what still runs and let go of every process; calls still waiting raise ComputeUnavailable."""
        self._closed = True
        self._refuse_waiting("the pool was closed")
        for child in self._children:
            child.kill()
        if self._stem is not None:
            self._stem.refuse()
        ends = {child.exited for child in self._children} | self._errands
        if ends:
            await asyncio.wait(ends)
        if self._stem is not None:
            await self._stem.end()

    def _fill(self) -> None:
        """Start children until there are enough, for once: a start that fails is retried by the next call."""
        while not self._closed and len(self._children) + self._births < self._size + SPARES:
            self._births += 1
            welcome = asyncio.create_task(self._welcome())
            self._errands.add(welcome)
            welcome.add_done_callback(self._errands.discard)

    async def _bear(self) -> Child | None:
        """Start a child; None where the system has no room for it, or nobody wants it any more."""
        try:
            if self._stem is not None:
                child = await self._stem.fork_child(on_exit=self._notice_exit, start_timeout_s=START_TIMEOUT_S)
            elif not self._closed:
                child = spawn_child(self._preload, environ=self._environ, on_exit=self._notice_exit)
            else:
                return None
        except OSError as error:
            if not self._closed:
                log.exception("pool.spawn_failed")
                self._refuse_waiting(f"no process could be started: {error}")
            return None
        finally:
            self._births -= 1
        self._children.add(child)
        if self._closed:
            child.kill()
        return child

    async def _welcome(self) -> None:
        """Start a child and offer it for work once it has imported what it should."""
        child = await self._bear()
        if child is None:
            return
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                kind, _ = await child.receive()
        except (EOFError, TimeoutError, ValueError):
            kind = None
        if kind is Kind.READY and not self._closed:
            child.ready = True
            child.resident_at_start_bytes = child.resident_bytes()
            self._offer(child)
            return
        await child.end(grace_s=EXIT_GRACE_S)
        if not self._closed:
            reason = child.describe_death()
            log.error("pool.start_failed", pid=child.pid, reason=reason)
            self._refuse_waiting(f"a process could not start: {reason}")

    def _offer(self, child: Child) -> None:
        """Hand a child to whoever waits, else keep it for the next call."""
        if child.exited.done():
            child.close()
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(child)
                return
        if self._has_too_many():
            self._dismiss(child)
        else:
            self._idle.append(child)

    def _refuse_waiting(self, reason: str) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(ComputeUnavailable(reason))

    async def _take(self) -> Child:
        """Wait for a child that has nothing to do. Raises ComputeUnavailable where none can be had."""
        if self._closed:
            raise ComputeUnavailable("the pool is closed")
        self._fill()
        if self._idle:
            return self._idle.pop()
        waiter: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._offer(waiter.result())
            raise

    def _notice_exit(self, child: Child) -> None:
        self._children.discard(child)
        if child in self._idle:
            self._idle.remove(child)
            child.close()
            if not self._closed:
                log.warning("pool.idle_child_died", pid=child.pid, reason=child.describe_death())
        if child.ready:
            self._fill()

    async def _call(
        self,
        child: Child,
        call: bytes,
        timeout_s: float,
        memory_mb: int,
        on_progress: Callable[[bytes], None] | None,
    ) -> bytes:
        """Have `child` answer one call; give it back if it may answer more, else end it."""
        reusable = False
        try:
            async with asyncio.timeout(timeout_s):
                kind, payload = await converse(child, call, on_progress)
            reusable = kind is not Kind.NO_MEMORY
        except TimeoutError:
            raise ComputeTimedOut(f"it still ran after {timeout_s:g} s and was killed") from None
        except (EOFError, OSError):
            await child.end(grace_s=EXIT_GRACE_S)
            if self._closed:
                raise ComputeUnavailable("the pool was closed") from None
            raise ComputeCrashed(child.describe_death()) from None
        except ValueError as error:
            raise ComputeCrashed(f"it wrote over its connection to the pool: {error}") from error
        finally:
            child.calls += 1
            if reusable and not _is_worn(child):
                self._offer(child)
            else:
                await child.end()
        return read_answer(kind, payload, memory_mb)


def _is_worn(child: Child) -> bool:
    growth_bytes = child.resident_bytes() - child.resident_at_start_bytes
    return child.calls >= CALLS_PER_CHILD_MAX or growth_bytes > RESIDENT_GROWTH_MAX_BYTES

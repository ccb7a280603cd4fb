"""Keep processes of this program running until they are told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

import structlog

# A process that dies at once is started again after a pause that grows; one that has run a while starts afresh.
PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_S = 30.0
DRAIN_S = 35.0  # longer than any takes by itself

log = structlog.get_logger(__name__)


class Processes:
    """`count` processes of a `command` with `environ`, each started again when it dies. Leaving drains them."""

    def __init__(self, command: str, count: int, environ: Mapping[str, str]) -> None:
        self._command = command
        self._count = count
        self._environ = environ
        self._stopping = False
        self._running: set[asyncio.subprocess.Process] = set()
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start them."""
        self._keepers = [asyncio.create_task(self._keep(), name=f"{self._command} {n}") for n in range(self._count)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ask each to finish what it can, then end those that have not within `DRAIN_S`."""
        self._stopping = True
        self._signal(signal.SIGTERM)
        try:
            await self._drain()
        finally:
            self._signal(signal.SIGKILL)
            for keeper in self._keepers:
                keeper.cancel()
            await asyncio.gather(*self._keepers, return_exceptions=True)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._running:
            with suppress(ProcessLookupError):  # it has just ended by itself
                process.send_signal(number)

    async def _drain(self) -> None:
        waiting = [asyncio.create_task(process.wait()) for process in self._running]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=DRAIN_S)
            if late:
                log.warning(f"{self._command}.killed", count=len(late))

    async def _keep(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            code = await self._run_once()
            if self._stopping:
                return
            failures = 0 if loop.time() - began > STEADY_S else failures + 1
            pause_s = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
            log.warning(f"{self._command}.died", code=code, again_in_s=pause_s)
            await asyncio.sleep(pause_s)

    async def _run_once(self) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "quantum_scheduler", self._command, "--parent", str(os.getpid())),
            stdin=asyncio.subprocess.DEVNULL,
            env=self._environ,
            # A key pressed at the terminal is for the one who supervises; they hear of it from there.
            start_new_session=True,
        )
        self._running.add(process)
        try:
            return await process.wait()
        finally:
            self._running.discard(process)
            if process.returncode is None:  # it was started while the others were stopped
                process.kill()

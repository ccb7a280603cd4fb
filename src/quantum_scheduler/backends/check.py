"""Ask backends for their health, all at once, and keep the answers for a few seconds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.backends.model import BackendError, Health

TIMEOUT_S = 5.0
FRESH_S = 5.0
# A backend keeps its own time; this much later nobody waits for it any more.
GRACE_S = 1.0

log = structlog.get_logger()

Check = Callable[[str], Awaitable[Health]]


class HealthBoard:
    """The latest health of some backends. However many look, each backend is asked once at a time.

    `check` asks one; it may take longer than who looks will wait, as where it has an SDK to import.
    """

    def __init__(
        self, names: Sequence[str], check: Check, *, timeout_s: float = TIMEOUT_S, fresh_s: float = FRESH_S
    ) -> None:
        self._probes = {name: _Probe(name, check, timeout_s=timeout_s, fresh_s=fresh_s) for name in names}

    async def read(self) -> Mapping[str, Health]:
        """Tell the health of every backend, at most `fresh_s` old, within `timeout_s` and a second."""
        answers = await asyncio.gather(*(probe.read() for probe in self._probes.values()))
        return dict(zip(self._probes, answers, strict=True))

    async def close(self) -> None:
        """Stop asking."""
        asked = [probe.asked for probe in self._probes.values() if probe.asked is not None]
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


class _Probe:
    """The latest health of one backend."""

    def __init__(self, name: str, check: Check, *, timeout_s: float, fresh_s: float) -> None:
        self._name = name
        self._check = check
        self._timeout_s = timeout_s
        self._fresh_s = fresh_s
        self._stale_at = 0.0
        self.asked: asyncio.Task[Health] | None = None

    async def read(self) -> Health:
        loop = asyncio.get_running_loop()
        if self.asked is None or (self.asked.done() and loop.time() >= self._stale_at):
            self.asked = loop.create_task(self._ask())
        finished, _ = await asyncio.wait([self.asked], timeout=self._timeout_s + GRACE_S)
        if not finished:
            return Health(status="down", error="timeout", message=f"no answer within {self._timeout_s:g} s")
        return self.asked.result()

    async def _ask(self) -> Health:
        try:
            return await self._check(self._name)
        except Exception as error:
            log.exception("backend.check_failed", backend=self._name)
            return Health(status="down", error="unavailable", message=f"{type(error).__name__} while it was asked")
        finally:
            self._stale_at = asyncio.get_running_loop().time() + self._fresh_s


def check_backend(name: str, *, timeout_s: float) -> Health:
    """Ask one backend for its health, in this process. One that cannot even be loaded is down."""
    try:
        backend = load_backend(name)
        try:
            return backend.health(timeout_s)
        finally:
            backend.close()
    except BackendError as error:
        return Health(status="down", error=error.kind, message=str(error))
    except Exception as error:
        log.exception("backend.check_failed", backend=name)
        return Health(status="down", error="unavailable", message=f"{type(error).__name__} while it was asked")

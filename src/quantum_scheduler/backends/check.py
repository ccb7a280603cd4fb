"""Ask backends for their health, each in a thread of its own, and keep the answers for a few seconds."""

import asyncio
import threading
from collections.abc import Mapping, Sequence

import structlog

from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.backends.model import BackendError, Health

TIMEOUT_S = 5.0
FRESH_S = 5.0
# A backend keeps its own time; this much later its thread is left to itself.
GRACE_S = 1.0

log = structlog.get_logger()


class HealthBoard:
    """The latest health of some backends. However many ask, each backend is asked once at a time."""

    def __init__(self, names: Sequence[str], *, timeout_s: float = TIMEOUT_S, fresh_s: float = FRESH_S) -> None:
        self._probes = {name: _Probe(name, timeout_s=timeout_s, fresh_s=fresh_s) for name in names}

    async def read(self) -> Mapping[str, Health]:
        """Tell the health of every backend, at most `fresh_s` old, within `timeout_s` and a second."""
        answers = await asyncio.gather(*(probe.read() for probe in self._probes.values()))
        return dict(zip(self._probes, answers, strict=True))


class _Probe:
    """The latest health of one backend."""

    def __init__(self, name: str, *, timeout_s: float, fresh_s: float) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._fresh_s = fresh_s
        self._asked: asyncio.Future[Health] | None = None
        self._stale_at = 0.0

    async def read(self) -> Health:
        loop = asyncio.get_running_loop()
        if self._asked is None or (self._asked.done() and loop.time() >= self._stale_at):
            self._asked = loop.create_future()
            # A daemon, because a backend that hangs must not keep the service from stopping.
            threading.Thread(
                target=self._ask, args=(loop, self._asked), daemon=True, name=f"health.{self._name}"
            ).start()
        finished, _ = await asyncio.wait([self._asked], timeout=self._timeout_s + GRACE_S)
        if not finished:
            return Health(status="down", error="timeout", message=f"no answer within {self._timeout_s:g} s")
        return self._asked.result()

    def _ask(self, loop: asyncio.AbstractEventLoop, asked: "asyncio.Future[Health]") -> None:
        health = check_backend(self._name, timeout_s=self._timeout_s)
        try:
            loop.call_soon_threadsafe(self._keep, asked, health)
        except RuntimeError:
            return  # the service has stopped in the meantime

    def _keep(self, asked: "asyncio.Future[Health]", health: Health) -> None:
        self._stale_at = asyncio.get_running_loop().time() + self._fresh_s
        asked.set_result(health)


def check_backend(name: str, *, timeout_s: float) -> Health:
    """Ask one backend for its health. One that cannot even be loaded is down."""
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

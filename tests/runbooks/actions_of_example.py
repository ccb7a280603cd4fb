"""The functions that the example runbook names, with signatures only."""

from typing import Literal

from quantum_scheduler.expressions.registry import Registry, describe_function


def declare(engine: object, severity: Literal["P0", "P1", "P2", "P3"]) -> None: ...
def open_breaker(engine: object, backend: str, *, reason: str = "") -> None: ...
def close_breaker(engine: object, backend: str) -> None: ...
def routed_to(engine: object, backend: str, *, since: str = "5m") -> None: ...
def set_status(engine: object, component: str, state: str) -> None: ...
def page(engine: object, policy: str, *, message: str) -> None: ...
def escalate(engine: object, policy: str) -> None: ...
def probe_auth(engine: object, vendor: str) -> None: ...
def rotate(engine: object, secret: str) -> None: ...
def restore(engine: object, secret: str) -> None: ...
def canary(engine: object, backend: str, *, problem: str, tries: int = 1, gap: float | None = None) -> None: ...
def ramp(engine: object, backend: str, percent: int = 100) -> None: ...
def read(engine: object) -> None: ...


METRICS = (
    "dynex.health_status",
    "dynex.success_rate",
    "quantum.fallback_rate",
    "quantum.jobs_5m",
    "backends.healthy",
)
REGISTRY = Registry(
    [
        describe_function("incident.declare", declare, kind="action", effect="write", needs_undo=False),
        describe_function("breaker.open", open_breaker, kind="action", effect="write"),
        describe_function("breaker.close", close_breaker, kind="action", effect="write"),
        describe_function("jobs.routed_to", routed_to, kind="metric"),
        describe_function("status.set", set_status, kind="action", effect="write", needs_undo=False),
        describe_function("page", page, kind="action", effect="write", needs_undo=False),
        describe_function("escalate", escalate, kind="action", effect="write", needs_undo=False),
        describe_function("probe.auth", probe_auth, kind="action"),
        describe_function("secrets.rotate", rotate, kind="action", effect="dangerous"),
        describe_function("secrets.restore", restore, kind="action", effect="write"),
        describe_function("jobs.canary", canary, kind="action"),
        describe_function("ramp", ramp, kind="action", effect="write"),
        *(describe_function(name, read, kind="metric") for name in METRICS),
    ],
    context=("incident.id", "incident.summary", "incident.severity"),
)

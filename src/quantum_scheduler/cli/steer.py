"""What the command line does to backends and the routing, on the database itself."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from quantum_scheduler.app import build_callers, build_keyring
from quantum_scheduler.backends.model import Health
from quantum_scheduler.cli.ask import ask_database, ask_freely
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.secrets.seal import FindKeyring
from quantum_scheduler.settings import read_settings
from quantum_scheduler.solving import actions, metrics
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.probe import CanaryReport
from quantum_scheduler.solving.routing_model import BackendStats, Breaker

T = TypeVar("T")


def describe_routing() -> dict[str, Any]:
    """Everything that decides where jobs go now, and what came of it lately."""

    async def look(conn: Connection) -> dict[str, Any]:
        rules, _ = await actions.show_routing(conn)
        stats = await metrics.quantum_stats(conn)
        return {
            "priority": list(rules.priority),
            "classical_only": rules.classical_only,
            "overrides": [asdict(each) for each in await actions.list_overrides(conn)],
            "fallback_rate": metrics.fallback_rate(stats),
            "success_rate": metrics.success_rate(stats),
            "failure_rate": metrics.failure_rate(stats),
            "backends": [_describe(each) for each in stats.backends],
        }

    return ask_database(look)


def probe(name: str) -> Health:
    """Ask a backend how it is, from this machine."""
    return call(lambda conn, wire, find: actions.probe_backend(conn, wire, find, name))


def canary(name: str) -> CanaryReport:
    """Have a backend solve the canary."""
    key = f"qs-canary-{uuid4().hex}"
    return call(lambda conn, wire, find: actions.canary(conn, wire, find, name, key=key))


def open_breaker(name: str, reason: str, minutes: float | None) -> Breaker:
    """Open a breaker by hand."""
    return ask_database(lambda conn: actions.open_breaker(conn, name, reason=reason, expires_at=_after(minutes)))


def close_breaker(name: str) -> Breaker:
    """Close a breaker."""
    return ask_database(lambda conn: actions.close_breaker(conn, name))


def ramp(name: str, percent: int) -> bool:
    """Set a backend's share of the jobs."""
    return ask_database(lambda conn: actions.ramp(conn, name, percent))


def set_priority(names: list[str], reason: str, minutes: float | None) -> None:
    """Put an order of preference in place of the environment's."""
    ask_database(lambda conn: actions.set_priority(conn, names, reason=reason, expires_at=_after(minutes)))


def classical_only(is_on: bool, reason: str, minutes: float | None) -> None:
    """Turn the classical-only mode on or off in place of the environment."""
    ask_database(lambda conn: actions.classical_only(conn, is_on, reason=reason, expires_at=_after(minutes)))


def clear(name: str) -> bool:
    """Leave something to the environment again."""
    return ask_database(lambda conn: actions.clear_override(conn, name))


def call(question: Callable[[Connection, Wire, FindKeyring], Awaitable[T]]) -> T:
    """Ask something that takes a call to a vendor, outside any transaction."""
    settings = read_settings(os.environ)
    find = build_keyring(settings)

    async def run(conn: Connection) -> T:
        callers = build_callers(1)
        try:
            wire = Wire(executor=callers, memory_mb=settings.worker_memory_mb, is_at_work=False)
            return await question(conn, wire, find)
        finally:
            await callers.close()

    return ask_freely(run)


def _after(minutes: float | None) -> datetime | None:
    return None if minutes is None else datetime.now(UTC) + timedelta(minutes=minutes)


def _describe(stats: BackendStats) -> dict[str, Any]:
    breaker, attempts = stats.state.breaker, stats.attempts
    return {
        "name": stats.state.name,
        "health": metrics.health_status(stats),
        "breaker": breaker.state,
        "reason": breaker.reason,
        "share": stats.state.share,
        "waiting": stats.waiting,
        "queue_position": stats.queue_position,
        "answered": attempts.answered,
        "failed": attempts.failed,
        "outrun": attempts.outrun,
        "won": attempts.won,
        "quality": metrics.quality_ratio(stats),
        "cost_usd": attempts.cost_usd,
    }

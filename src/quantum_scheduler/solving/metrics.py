"""The numbers of quantum solving; each takes what `quantum_stats` measured, and those of one backend its part."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from quantum_scheduler.backends.load import BackendUnknown, list_backends
from quantum_scheduler.expressions.duration import parse_duration
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.actions import show_routing
from quantum_scheduler.solving.routing_model import AttemptStats, BackendStats, Durations, QuantumStats
from quantum_scheduler.solving.store import metrics as store

WINDOW_S = 300.0
FALLEN_BACK_MAX = 100_000


async def quantum_stats(conn: Connection) -> QuantumStats:
    """Measure every quantum backend, and what became of the jobs that were to go there in `WINDOW_S`."""
    fallen_back, wanted = await store.measure_jobs(conn, window_s=WINDOW_S)
    attempts = await store.measure(conn, window_s=WINDOW_S)
    queues = await store.measure_queues(conn)
    rules, states = await show_routing(conn)
    return QuantumStats(
        fallen_back=fallen_back,
        wanted=wanted,
        preferred=frozenset(rules.priority).intersection(list_backends()),
        backends=tuple(
            BackendStats(
                state=state,
                attempts=attempts.get(state.name, AttemptStats(backend=state.name)),
                queue_position=queues.get(state.name, (None, 0))[0],
                waiting=queues.get(state.name, (None, 0))[1],
            )
            for state in states
        ),
    )


async def find_fallen_back(conn: Connection, start: datetime, end: datetime, *, timeout_s: float) -> list[UUID]:
    """Name up to `FALLEN_BACK_MAX` jobs that got no quantum answer between two moments for some trouble, each once.

    Raises TimeoutError.
    """
    return await store.find_fallen_back(conn, start, end, FALLEN_BACK_MAX, timeout_s=timeout_s)


def health_status(stats: BackendStats) -> str:
    """`dynex.health_status`, and the like of each backend: up, degraded, down, or unknown where nobody has asked."""
    return "unknown" if stats.state.health is None else stats.state.health.status


def known_health(stats: BackendStats) -> str | None:
    """`dynex.health_status`, and the like of each backend: up, degraded or down; None where nobody has asked lately."""
    return None if stats.state.health is None else stats.state.health.status


def is_available(stats: BackendStats) -> bool:
    """`dynex.available`, and the like of each backend: whether jobs may go there now."""
    return health_status(stats) != "down" and stats.state.breaker.state == "closed" and stats.state.share > 0


def backend_availability(stats: QuantumStats) -> float | None:
    """`quantum.backend_availability`: the share of the backends whose health is known that jobs may go to."""
    known = [each for each in stats.backends if each.state.health is not None]
    return sum(is_available(each) for each in known) / len(known) if known else None


def fallback_rate(stats: QuantumStats) -> float | None:
    """`quantum.fallback_rate`: of the jobs that were to have a quantum answer, how many got only a classical one."""
    return stats.fallen_back / stats.wanted if stats.wanted else None


def success_rate(stats: QuantumStats) -> float | None:
    """`quantum.success_rate`: of the attempts that ended in an answer or a failure, how many were answered."""
    answered, ended = _count(stats.backends)
    return answered / ended if ended else None


def failure_rate(stats: QuantumStats) -> float | None:
    """`quantum.failure_rate`: of the attempts that ended in an answer or a failure, how many failed."""
    answered, ended = _count(stats.backends)
    return 1 - answered / ended if ended else None


def queue_position(stats: QuantumStats) -> int | None:
    """`quantum.queue_position`: the farthest place that an attempt has in a vendor's queue."""
    return max((each.queue_position for each in stats.backends if each.queue_position is not None), default=None)


def cost_per_optimisation_usd(stats: QuantumStats) -> float | None:
    """`quantum.cost_per_optimisation`: mean price in USD of the answered attempts that had one."""
    priced = [each.attempts for each in stats.backends if each.attempts.average_cost_usd is not None]
    answered = sum(each.answered for each in priced)
    return sum(each.cost_usd or 0.0 for each in priced) / answered if answered else None


def jobs_5m(stats: QuantumStats) -> int:
    """`quantum.jobs_5m`: jobs that were to have a quantum answer, and ended or fell back."""
    return stats.wanted


def attempts_5m(stats: QuantumStats) -> int:
    """`quantum.attempts_5m`: attempts at quantum backends that ended in an answer or a failure."""
    return _count(stats.backends)[1]


def waiting(stats: QuantumStats) -> int:
    """`quantum.waiting`: attempts that a vendor has and has not answered."""
    return sum(each.waiting for each in stats.backends)


def healthy_backends(stats: QuantumStats) -> int | None:
    """`backends.healthy`: quantum backends that are up or degraded; None where that may be none or some.

    So it is while nobody knows of any how it is, or not of every one of the priority.
    """
    known = {each.state.name: each.state.health.status for each in stats.backends if each.state.health is not None}
    healthy = sum(status != "down" for status in known.values())
    is_told = bool(known) and stats.preferred <= known.keys()
    return healthy if healthy or is_told else None


def backend_jobs(stats: BackendStats) -> int:
    """`dynex.jobs`, and the like of each backend: attempts that ended in an answer or a failure."""
    return stats.attempts.answered + stats.attempts.failed


def backend_success_rate(stats: BackendStats) -> float | None:
    """`dynex.success_rate`, and the like of each backend: of the attempts that ended, how many were answered."""
    return stats.attempts.answered / backend_jobs(stats) if backend_jobs(stats) else None


def backend_failure_rate(stats: BackendStats) -> float | None:
    """`dynex.failure_rate`, and the like of each backend: of the attempts that ended, how many failed."""
    return stats.attempts.failed / backend_jobs(stats) if backend_jobs(stats) else None


def share_percent(stats: BackendStats) -> int:
    """`dynex.share`, and the like of each backend: percent of the jobs it could take that it gets, 0 to 100."""
    return stats.state.share


def breaker_state(stats: BackendStats) -> str:
    """`dynex.breaker`, and the like of each backend: closed, half_open or open."""
    return stats.state.breaker.state


def has_tripped(stats: BackendStats) -> bool:
    """`dynex.tripped`, and the like of each backend: whether its breaker has opened by itself, and not by hand."""
    return stats.state.breaker.state != "closed" and not stats.state.breaker.is_manual


def latency_p95_s(stats: BackendStats) -> float | None:
    """`dynex.latency_p95`, and the like of each backend: seconds within which 95 % of its answers came."""
    return stats.attempts.p95_s


def backend_queue_position(stats: BackendStats) -> int | None:
    """`dynex.queue_position`, and the like of each backend: the farthest place of an attempt in the vendor's queue."""
    return stats.queue_position


async def attempt_durations(
    conn: Connection, *, since: datetime, until: datetime, bounds_s: Sequence[float]
) -> list[Durations]:
    """Count how long the attempts took that were answered in a time, by backend and by these bounds."""
    return await store.count_durations(conn, since=since, until=until, bounds_s=bounds_s)


async def routed_to(conn: Connection, backend: str, *, since: str = "5m") -> int:
    """`jobs.routed_to("dynex", since="30s")`: attempts at a backend that began in the time before now.

    Raises BackendUnknown, ValueError.
    """
    if backend not in list_backends():
        raise BackendUnknown(backend)
    return await store.count_begun(conn, backend, since_s=parse_duration(since))


def quality_ratio(stats: BackendStats) -> float | None:
    """`dynex.quality_ratio`, and the like of each backend: how good its answers were beside the classical ones.

    1 is as good, more is better; None where nothing was compared.
    """
    return stats.attempts.quality


def _count(backends: Sequence[BackendStats]) -> tuple[int, int]:
    """How many attempts were answered, and how many ended in an answer or a failure."""
    answered = sum(each.attempts.answered for each in backends)
    return answered, answered + sum(each.attempts.failed for each in backends)

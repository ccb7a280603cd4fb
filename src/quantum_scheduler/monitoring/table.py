"""The table of all metrics: one row each. A room that shows another number adds its line here."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from quantum_scheduler.accounts.limits import metrics as requests
from quantum_scheduler.accounts.login import metrics as login
from quantum_scheduler.accounts.quota import metrics as quota
from quantum_scheduler.backends.load import list_backends
from quantum_scheduler.expressions.registry import Function
from quantum_scheduler.jobs import metrics as jobs
from quantum_scheduler.jobs.sample import QueueSampler
from quantum_scheduler.monitoring import host
from quantum_scheduler.monitoring.metric import Metric, Source, Table, of_backend
from quantum_scheduler.postgres import metrics as postgres
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving import metrics as solving
from quantum_scheduler.solving.routing_model import CLASSICAL, BackendStats, QuantumStats

# Of fewer samples a share says nothing; the API and logging in have minimums of their own.
BACKEND_MIN = 5
QUANTUM_MIN = 10
SOLVER_MIN = 10

HEALTH = ("up", "degraded", "down")
BREAKER = ("closed", "half_open", "open")


def build_table(*, data_dir: Path = Path("/"), backends: Sequence[str] | None = None) -> Table:
    """Build the table, with a row of each kind for every backend. `data_dir` lies on the disk to look at."""
    names = list_backends() if backends is None else backends
    rows = (*_queue_rows(), *_quantum_rows(), *_api_rows(), *_login_rows(), *_postgres_rows(), *_host_rows(data_dir))
    quantum = [name for name in names if name != CLASSICAL]
    return Table((*rows, *(row for backend in quantum for row in _backend_rows(backend)), *_ASKED))


def describe_metrics(table: Table | None = None) -> Iterable[Function]:
    """Describe every metric, for the registry of what expressions may name."""
    return [each.describe() for each in (build_table() if table is None else table).values()]


def _now(measure: Callable[[Connection], Any]) -> Callable[[Connection, datetime], Any]:
    """Leave the time out for a source that goes by the database's clock."""
    return lambda conn, _now: measure(conn)


def _queue_rows() -> Iterable[Metric]:
    queue = partial(Metric, source=Source(name="queue", measure=QueueSampler().measure))
    lately = partial(queue, window_s=jobs.AVERAGED_OVER_S)
    share = partial(lately, unit="share", counted=jobs.finished, minimum=SOLVER_MIN)
    worker = partial(Metric, source=Source(name="workers", measure=_now(jobs.worker_stats)))
    return (
        queue(name="qih.queue_depth", function=jobs.queue_depth, unit="jobs"),
        queue(name="qih.oldest_wait", function=jobs.oldest_wait_s, unit="seconds"),
        queue(name="qih.running", function=jobs.running, unit="jobs"),
        queue(name="qih.sleeping", function=jobs.sleeping, unit="jobs"),
        queue(name="qih.stuck_jobs", function=jobs.stuck_jobs, unit="jobs"),
        queue(name="qih.takeovers", function=jobs.takeovers, unit="jobs", kind="counter"),
        lately(name="qih.avg_processing_time", function=jobs.avg_processing_time_s, unit="seconds"),
        lately(name="qih.throughput", function=jobs.throughput_per_s, unit="jobs a second"),
        lately(name="qih.finished", function=jobs.finished, unit="jobs"),
        share(name="solver.success_rate", function=jobs.success_rate),
        share(name="solver.failure_rate", function=jobs.failure_rate),
        worker(name="worker.alive", function=jobs.workers_alive, unit="workers"),
        worker(name="worker.slots", function=jobs.worker_slots, unit="slots"),
        worker(name="worker.memory_mb", function=jobs.worker_memory_mb, unit="MB"),
        worker(name="worker.silence", function=jobs.worker_silence_s, unit="seconds"),
    )


QUANTUM = Source(name="quantum", measure=_now(solving.quantum_stats))


def _quantum_rows() -> Iterable[Metric]:
    quantum = partial(Metric, source=QUANTUM)
    lately = partial(quantum, window_s=solving.WINDOW_S)
    attempts = partial(lately, unit="share", counted=solving.attempts_5m, minimum=QUANTUM_MIN)
    return (
        quantum(name="backends.healthy", function=solving.healthy_backends, unit="backends"),
        quantum(name="quantum.backend_availability", function=solving.backend_availability, unit="share"),
        quantum(name="quantum.queue_position", function=solving.queue_position, unit="places"),
        quantum(name="quantum.waiting", function=solving.waiting, unit="attempts"),
        lately(name="quantum.jobs_5m", function=solving.jobs_5m, unit="jobs"),
        lately(name="quantum.attempts_5m", function=solving.attempts_5m, unit="attempts"),
        lately(
            name="quantum.fallback_rate",
            function=solving.fallback_rate,
            unit="share",
            counted=solving.jobs_5m,
            minimum=QUANTUM_MIN,
        ),
        attempts(name="quantum.success_rate", function=solving.success_rate),
        attempts(name="quantum.failure_rate", function=solving.failure_rate),
        lately(name="quantum.cost_per_optimisation", function=solving.cost_per_optimisation_usd, unit="USD"),
    )


def _backend_rows(backend: str) -> Iterable[Metric]:
    def pick(stats: QuantumStats) -> BackendStats | None:
        return next((each for each in stats.backends if each.state.name == backend), None)

    now = partial(Metric, source=QUANTUM)
    lately = partial(now, window_s=solving.WINDOW_S)
    share = partial(lately, unit="share", counted=solving.backend_jobs, minimum=BACKEND_MIN)
    rows = (
        now(name="health_status", function=solving.known_health, unit="state", kind="state", states=HEALTH),
        now(name="available", function=solving.is_available, unit="yes or no"),
        now(name="breaker", function=solving.breaker_state, unit="state", kind="state", states=BREAKER),
        now(name="tripped", function=solving.has_tripped, unit="yes or no"),
        now(name="share", function=solving.share_percent, unit="percent"),
        now(name="queue_position", function=solving.backend_queue_position, unit="places"),
        lately(name="jobs", function=solving.backend_jobs, unit="attempts"),
        share(name="success_rate", function=solving.backend_success_rate),
        share(name="failure_rate", function=solving.backend_failure_rate),
        lately(name="latency_p95", function=solving.latency_p95_s, unit="seconds"),
        lately(name="quality_ratio", function=solving.quality_ratio, unit="ratio"),
    )
    return (of_backend(row, backend, pick) for row in rows)


def _api_rows() -> Iterable[Metric]:
    source = Source(name="api", measure=_now(requests.api_stats))
    asked = partial(
        Metric,
        source=source,
        pick=lambda stats: stats.routes,
        window_s=requests.WINDOW_S,
        minimum=requests.REQUESTS_MIN,
    )
    process = partial(Metric, source=source, pick=lambda stats: stats.processes)
    spent = partial(Metric, source=Source(name="quota", measure=_now(quota.quota_pulse)))
    return (
        asked(name="api.requests_5m", function=requests.requests_5m, unit="requests", minimum=0),
        asked(name="api.error_rate", function=requests.error_rate_of, unit="share"),
        asked(name="api.response_time_p95", function=requests.response_time_p95_s, unit="seconds", minimum=0),
        asked(name="api.response_time_p99", function=requests.response_time_p99_s, unit="seconds", minimum=0),
        asked(name="api.rate_limit_exceeded", function=requests.rate_limit_exceeded, unit="share"),
        asked(name="api.rate_limit_shadowed", function=requests.rate_limit_shadowed, unit="share"),
        process(name="api.available", function=requests.is_available, unit="yes or no"),
        process(name="api.processes", function=requests.processes_alive, unit="processes"),
        process(name="api.memory_mb", function=requests.memory_mb, unit="MB"),
        process(name="postgres.pool_wait", function=requests.pool_wait_s, unit="seconds"),
        spent(name="api.quota_usage", function=quota.highest_usage, unit="share"),
        spent(name="api.quota_exceeded", function=quota.quotas_exceeded, unit="quotas", window_s=300.0),
        spent(name="api.quota_refusals", function=quota.quota_refusals, unit="jobs", kind="counter"),
    )


def _login_rows() -> Iterable[Metric]:
    entering = partial(Metric, source=Source(name="login", measure=login.login_stats))
    lately = partial(entering, window_s=login.WINDOW_S)
    return (
        lately(name="auth.attempts_5m", function=login.attempts_5m, unit="attempts"),
        lately(
            name="auth.failure_rate",
            function=login.wrong_share,
            unit="share",
            counted=login.attempts_5m,
            minimum=login.ATTEMPTS_MIN,
        ),
        entering(name="auth.locked_accounts", function=login.locked, unit="people"),
        entering(name="auth.blocked_networks", function=login.blocked, unit="networks"),
    )


def _postgres_rows() -> Iterable[Metric]:
    server = partial(Metric, source=Source(name="postgres", measure=_now(postgres.postgres_stats)))
    return (
        server(name="postgres.connections_used_ratio", function=postgres.connections_used_ratio, unit="share"),
        server(name="postgres.slow_queries", function=postgres.slow_queries, unit="statements"),
        server(name="postgres.longest_query_s", function=postgres.longest_query_s, unit="seconds"),
        server(name="postgres.oldest_snapshot_s", function=postgres.oldest_snapshot_s, unit="seconds"),
        server(name="postgres.waiting_for_locks", function=postgres.waiting_for_locks, unit="statements"),
        server(name="postgres.replicas", function=postgres.replicas, unit="servers"),
        server(name="postgres.replication_lag_s", function=postgres.replication_lag_s, unit="seconds"),
        server(name="postgres.size_bytes", function=postgres.size_bytes, unit="bytes"),
        server(name="postgres.deadlocks", function=postgres.deadlocks, unit="deadlocks", kind="counter"),
        server(name="postgres.cache_hit_ratio", function=postgres.cache_hit_ratio, unit="share"),
    )


def _host_rows(data_dir: Path) -> Iterable[Metric]:
    async def look(_conn: Connection, _now: datetime) -> host.HostStats:
        return await asyncio.to_thread(host.host_stats, data_dir)

    machine = partial(Metric, source=Source(name="host", measure=look))
    return (
        machine(name="host.memory_used_ratio", function=host.memory_used_ratio, unit="share"),
        machine(name="host.disk_used_ratio", function=host.disk_used_ratio, unit="share"),
        machine(name="host.load", function=host.load, unit="processes a processor"),
    )


# Asked anew whenever they are called; they need arguments.
_ASKED = (
    Metric(name="auth.wrong_passwords", function=login.wrong_passwords, unit="passwords", source=None),
    Metric(name="jobs.routed_to", function=solving.routed_to, unit="attempts", source=None),
)

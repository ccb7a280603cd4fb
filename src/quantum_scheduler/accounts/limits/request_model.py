"""The nouns of what was asked of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteStats:
    """The requests of one route that were answered with one status; `latencies` are counts by `LATENCY_BOUNDS_MS`.

    `shadowed` would have been refused, were the limits enforced.
    """

    route: str
    status: int
    requests: int
    shadowed: int
    latencies: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """What one organisation asked: requests, those that were refused, and seconds that all took together."""

    org_id: UUID
    name: str
    plan: str
    requests: int
    refused: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHour:
    """What one organisation asked in one hour."""

    hour_at: datetime
    requests: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTotal:
    """The requests of one route that were answered with one status, from the beginning.

    `exemplars` names for places of `latencies` the last request, its seconds, and when it was answered (since 1970).
    """

    route: str
    status: int
    requests: int
    seconds: float
    latencies: Sequence[int]
    exemplars: Mapping[str, tuple[str, float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiProcess:
    """One process of the API as of its last beat, `silence_s` ago: how long it waited for a connection of its pool."""

    id: UUID
    host: str
    pid: int
    pool_wait_s: float
    memory_mb: float
    silence_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiStats:
    """The API lately: what was asked of it, and the processes that answer."""

    routes: Sequence[RouteStats]
    processes: Sequence[ApiProcess]

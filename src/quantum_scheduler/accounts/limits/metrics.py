"""The numbers of the API's requests; each takes what `request_stats` added up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from quantum_scheduler.accounts.limits.meter import LATENCY_BOUNDS_MS, TOO_MANY_REQUESTS
from quantum_scheduler.accounts.limits.request_model import ApiProcess, ApiStats, Consumer, RouteStats, RouteTotal
from quantum_scheduler.accounts.limits.store import process as process_store
from quantum_scheduler.accounts.limits.store import request as store
from quantum_scheduler.accounts.limits.store import total as total_store
from quantum_scheduler.postgres.connect import Connection

WINDOW_S = 300.0
# Of fewer requests a share says nothing.
REQUESTS_MIN = 100
CONSUMERS_LISTED_MAX = 100
# A process that has not beaten for so long does not answer; it does so every 5 s.
ALIVE_WITHIN_S = 20.0


async def request_stats(conn: Connection, *, window_s: float = WINDOW_S) -> list[RouteStats]:
    """Add up the requests of the last `window_s` that were written down, by route and status."""
    return await store.sum_routes(conn, window_s=window_s)


async def api_stats(conn: Connection) -> ApiStats:
    """Add up the requests of the last `WINDOW_S`, and look up the processes that answer."""
    return ApiStats(routes=await request_stats(conn), processes=await process_store.find_processes(conn))


async def request_totals(conn: Connection) -> list[RouteTotal]:
    """Read all that was ever asked, for counters: by route and status, counted by `LATENCY_BOUNDS_MS`."""
    return await total_store.read_totals(conn)


def requests_5m(stats: Sequence[RouteStats]) -> int:
    """`api.requests_5m`: requests that were answered, whatever the answer."""
    return sum(each.requests for each in stats)


def is_available(processes: Sequence[ApiProcess]) -> bool | None:
    """`api.available`: whether a process of the API has beaten in time; None where none did within the last hour."""
    return any(each.silence_s < ALIVE_WITHIN_S for each in processes) if processes else None


def processes_alive(processes: Sequence[ApiProcess]) -> int:
    """`api.processes`: processes of the API that have beaten in time."""
    return len(_alive(processes))


def pool_wait_s(processes: Sequence[ApiProcess]) -> float | None:
    """`postgres.pool_wait`: the longest that a process of the API waited for a connection of its pool, last time."""
    return max((each.pool_wait_s for each in _alive(processes)), default=None)


def memory_mb(processes: Sequence[ApiProcess]) -> float | None:
    """`api.memory_mb`: memory in MB of the largest process of the API."""
    return max((each.memory_mb for each in _alive(processes)), default=None)


def of_route(stats: Sequence[RouteStats], route: str | None) -> Sequence[RouteStats]:
    """Those of one route, such as `/v1/jobs`; all where none is named."""
    return stats if route is None else [each for each in stats if each.route == route]


def error_rate_of(stats: Sequence[RouteStats], *, route: str | None = None) -> float | None:
    """`api.error_rate`: share of the requests answered with 5xx, of all or of one `route`; None of fewer than 100."""
    return error_rate(of_route(stats, route))


def response_time_p95_s(stats: Sequence[RouteStats], *, route: str | None = None) -> float | None:
    """`api.response_time_p95`: seconds within which 95 % of the answers began, of all or of one `route`."""
    return response_time_s(of_route(stats, route), 0.95)


def response_time_p99_s(stats: Sequence[RouteStats], *, route: str | None = None) -> float | None:
    """`api.response_time_p99`: seconds within which 99 % of the answers began, of all or of one `route`."""
    return response_time_s(of_route(stats, route), 0.99)


def rate_limit_exceeded(stats: Sequence[RouteStats]) -> float | None:
    """`api.rate_limit_exceeded`: share of the requests answered with 429; None of fewer than 100."""
    return _share(stats, (each.requests for each in stats if each.status == TOO_MANY_REQUESTS))


def rate_limit_shadowed(stats: Sequence[RouteStats]) -> float | None:
    """`api.rate_limit_shadowed`: share of the requests that would have been refused, were the limits enforced."""
    return _share(stats, (each.shadowed for each in stats))


def error_rate(stats: Sequence[RouteStats]) -> float | None:
    """`api.error_rate`: share of the requests answered with 5xx; None of fewer than 100."""
    return _share(stats, (each.requests for each in stats if each.status >= 500))


def response_time_s(stats: Sequence[RouteStats], quantile: float) -> float | None:
    """`api.response_time`: seconds within which this part of the answers began; None where nothing was asked.

    Interpolated between the bounds that the answers were counted by; requests that asked to wait are left out.
    """
    counts: list[int] = [sum(column) for column in zip(*(each.latencies for each in stats), strict=True)]
    total: int = sum(counts)
    wanted = quantile * total
    if not total:
        return None
    seen = 0
    for place, count in enumerate(counts[:-1]):
        if count and seen + count >= wanted:
            low: float = LATENCY_BOUNDS_MS[place - 1] if place else 0
            return (low + (LATENCY_BOUNDS_MS[place] - low) * (wanted - seen) / count) / 1000
        seen += count
    return LATENCY_BOUNDS_MS[-1] / 1000


def response_times_s(stats: Sequence[RouteStats], quantile: float) -> dict[str, float]:
    """`api.response_time` of each route."""
    routes: defaultdict[str, list[RouteStats]] = defaultdict(list)
    for each in stats:
        routes[each.route].append(each)
    times = {route: response_time_s(group, quantile) for route, group in routes.items()}
    return {route: seconds for route, seconds in times.items() if seconds is not None}


async def top_consumers(conn: Connection, *, window_s: float = WINDOW_S, count_max: int = 10) -> list[Consumer]:
    """`api.top_consumers`: the organisations that asked the most in the last `window_s`."""
    return await store.top_consumers(conn, window_s=window_s, count_max=min(count_max, CONSUMERS_LISTED_MAX))


def _alive(processes: Sequence[ApiProcess]) -> list[ApiProcess]:
    return [each for each in processes if each.silence_s < ALIVE_WITHIN_S]


def _share(stats: Sequence[RouteStats], part: Iterable[int]) -> float | None:
    requests = sum(each.requests for each in stats)
    return sum(part) / requests if requests >= REQUESTS_MIN else None

"""Look into what is asked of the API: where it errs, and who asks too much. Nothing here changes anything."""

from collections.abc import Sequence
from dataclasses import dataclass

from quantum_scheduler.accounts.limits.metrics import WINDOW_S, request_stats, top_consumers
from quantum_scheduler.accounts.limits.request_model import Consumer, RouteStats
from quantum_scheduler.postgres.connect import Connection

LISTED_MAX = 20
WINDOW_S_MAX = 6 * 3_600.0
# Who is refused that often, or asks for most of everything, is worth a look; of few requests nothing is said.
REFUSED_SHARE = 0.5
DOMINANT_SHARE = 0.5
SUSPECT_REQUESTS_MIN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPattern:
    """One way in which requests failed: the route, the status, and how many did."""

    route: str
    status: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPatterns:
    """Where the API answers with 5xx: `top_share` of the errors come from `top_route` with `top_status`.

    `share` is that of all requests, None where nothing was asked; the tops are empty and 0 where nothing failed.
    """

    requests: int
    errors: int
    share: float | None
    routes: int
    top_route: str
    top_status: int
    top_share: float
    patterns: tuple[ErrorPattern, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumers:
    """Who asks the most: `top_share` of the requests come from `top_name`, and `refused_share` were refused."""

    requests: int
    refused: int
    refused_share: float
    top_name: str
    top_org_id: str
    top_plan: str
    top_share: float
    consumers: tuple[Consumer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AbusePatterns:
    """Who behaves as programs do that do not read the answers, or that crowd everybody out.

    `suspects` are refused for the most part and ask on; `dominant_name` asks for most of everything, which may be its
    right.
    """

    suspects: int
    suspect_name: str
    suspect_org_id: str
    dominant_name: str
    dominant_share: float
    listed: tuple[Consumer, ...]


async def examine_errors(conn: Connection, *, window_s: float = WINDOW_S) -> ErrorPatterns:
    """`api.errors`: look for what the requests that failed have in common: route and status. Raises ValueError."""
    stats = await request_stats(conn, window_s=_check(window_s))
    return find_error_patterns(stats)


async def examine_consumers(conn: Connection, *, window_s: float = WINDOW_S) -> Consumers:
    """`api.consumers`: look for the organisations that ask the most. Raises ValueError."""
    listed = await top_consumers(conn, window_s=_check(window_s), count_max=LISTED_MAX)
    requests, refused = sum(each.requests for each in listed), sum(each.refused for each in listed)
    top = listed[0] if listed else None
    return Consumers(
        requests=requests,
        refused=refused,
        refused_share=refused / requests if requests else 0.0,
        top_name=top.name if top else "",
        top_org_id=str(top.org_id) if top else "",
        top_plan=top.plan if top else "",
        top_share=top.requests / requests if top and requests else 0.0,
        consumers=tuple(listed),
    )


async def examine_abuse(conn: Connection, *, window_s: float = WINDOW_S) -> AbusePatterns:
    """`api.abuse`: look for organisations that ask on although they are refused, or for most of everything.

    Raises ValueError.
    """
    return find_abuse(await top_consumers(conn, window_s=_check(window_s), count_max=LISTED_MAX))


def find_error_patterns(stats: Sequence[RouteStats]) -> ErrorPatterns:
    """Find the patterns in what was added up."""
    failed = sorted((each for each in stats if each.status >= 500), key=lambda each: -each.requests)
    requests, errors = sum(each.requests for each in stats), sum(each.requests for each in failed)
    top = failed[0] if failed else None
    return ErrorPatterns(
        requests=requests,
        errors=errors,
        share=errors / requests if requests else None,
        routes=len({each.route for each in failed}),
        top_route=top.route if top else "",
        top_status=top.status if top else 0,
        top_share=top.requests / errors if top else 0.0,
        patterns=tuple(
            ErrorPattern(route=each.route, status=each.status, requests=each.requests) for each in failed[:LISTED_MAX]
        ),
    )


def find_abuse(consumers: Sequence[Consumer]) -> AbusePatterns:
    """Find who behaves badly among those who ask the most."""
    total = sum(each.requests for each in consumers)
    suspects = sorted(
        (
            each
            for each in consumers
            if each.requests >= SUSPECT_REQUESTS_MIN and each.refused > REFUSED_SHARE * each.requests
        ),
        key=lambda each: -each.refused,
    )
    top = max(consumers, key=lambda each: each.requests, default=None)
    share = top.requests / total if top and total else 0.0
    is_dominant = total >= SUSPECT_REQUESTS_MIN and share > DOMINANT_SHARE and len(consumers) > 1
    return AbusePatterns(
        suspects=len(suspects),
        suspect_name=suspects[0].name if suspects else "",
        suspect_org_id=str(suspects[0].org_id) if suspects else "",
        dominant_name=top.name if top and is_dominant else "",
        dominant_share=share,
        listed=tuple(suspects),
    )


def _check(window_s: float) -> float:
    if not 0 < window_s <= WINDOW_S_MAX:
        raise ValueError(f"a window of requests has 0 to {WINDOW_S_MAX:g} seconds")
    return window_s

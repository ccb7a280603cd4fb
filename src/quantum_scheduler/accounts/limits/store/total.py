"""The statements on all that was ever asked of the API, for counters that never fall."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quantum_scheduler.accounts.limits.request_model import RouteTotal
from quantum_scheduler.postgres.connect import Connection

if TYPE_CHECKING:
    from quantum_scheduler.accounts.limits.meter import RouteCount

# The order keeps two processes that write at once from waiting for each other in a circle.
ADD = """
INSERT INTO request_total AS total (route, status, requests, seconds, latencies, exemplars)
SELECT given.route, given.status, given.requests, given.seconds, given.latencies::bigint[], given.exemplars
FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::float8[], $5::text[], $6::jsonb[])
    AS given (route, status, requests, seconds, latencies, exemplars)
ORDER BY route, status
ON CONFLICT (route, status) DO UPDATE SET requests = total.requests + excluded.requests,
    seconds = total.seconds + excluded.seconds, exemplars = total.exemplars || excluded.exemplars,
    latencies = (
        SELECT array_agg(coalesce(one, 0) + coalesce(other, 0) ORDER BY place)
        FROM unnest(total.latencies, excluded.latencies) WITH ORDINALITY AS pair (one, other, place)
    )
"""

READ = "SELECT route, status, requests, seconds, latencies, exemplars FROM request_total ORDER BY route, status"


async def add_totals(conn: Connection, counts: Mapping[tuple[int, str, int], "RouteCount"]) -> None:
    """Add requests, whatever the time of their slot, to all before."""
    added: defaultdict[tuple[str, int], list[RouteCount]] = defaultdict(list)
    for (_, route, status), count in counts.items():
        added[route, status].append(count)
    if not added:
        return
    await conn.execute(
        ADD,
        [route for route, _ in added],
        [status for _, status in added],
        [sum(each.requests for each in group) for group in added.values()],
        [sum(each.seconds for each in group) for group in added.values()],
        [_write(group) for group in added.values()],
        [_join(group) for group in added.values()],
    )


async def read_totals(conn: Connection) -> list[RouteTotal]:
    """Everything that was asked, by route and status."""
    return [RouteTotal(**row) for row in await conn.fetch(READ)]


def _write(group: "list[RouteCount]") -> str:
    columns = zip(*(each.latencies for each in group), strict=True)
    return "{" + ",".join(str(sum(column)) for column in columns) + "}"


def _join(group: "list[RouteCount]") -> dict[str, Any]:
    return {place: exemplar for each in group for place, exemplar in each.exemplars.items()}

"""The statements on what was asked of the API."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from quantum_scheduler.accounts.limits.request_model import Consumer, RequestHour, RouteStats
from quantum_scheduler.postgres.connect import Connection

if TYPE_CHECKING:
    from quantum_scheduler.accounts.limits.meter import ConsumerCount, RouteCount

# The order keeps two processes that write at once from waiting for each other in a circle.
ADD_ROUTES = """
INSERT INTO request_slot AS slot (slot_at, route, status, requests, shadowed, latencies)
SELECT given.slot_at, given.route, given.status, given.requests, given.shadowed, given.latencies::bigint[]
FROM unnest($1::timestamptz[], $2::text[], $3::smallint[], $4::bigint[], $5::bigint[], $6::text[])
    AS given (slot_at, route, status, requests, shadowed, latencies)
ORDER BY slot_at, route, status
ON CONFLICT (slot_at, route, status) DO UPDATE SET requests = slot.requests + excluded.requests,
    shadowed = slot.shadowed + excluded.shadowed,
    latencies = (
        SELECT array_agg(coalesce(one, 0) + coalesce(other, 0) ORDER BY place)
        FROM unnest(slot.latencies, excluded.latencies) WITH ORDINALITY AS pair (one, other, place)
    )
"""

ADD_CONSUMERS = """
INSERT INTO request_consumer AS consumer (slot_at, org_id, requests, refused, ms)
SELECT * FROM unnest($1::timestamptz[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS given (slot_at, org_id, requests, refused, ms)
ORDER BY org_id, slot_at
ON CONFLICT (org_id, slot_at) DO UPDATE SET requests = consumer.requests + excluded.requests,
    refused = consumer.refused + excluded.refused, ms = consumer.ms + excluded.ms
"""

SUM_ROUTES = """
SELECT route, status, sum(requests)::bigint AS requests, sum(shadowed)::bigint AS shadowed,
    array_agg(latencies) AS latencies
FROM request_slot WHERE slot_at > now() - $1 * interval '1 second' GROUP BY route, status ORDER BY route, status
"""

TOP_CONSUMERS = """
SELECT org_id, organisation.name, organisation.plan, sum(requests)::bigint AS requests, sum(refused)::bigint AS refused,
    sum(ms)::float8 / 1000 AS seconds
FROM request_consumer JOIN organisation ON organisation.id = request_consumer.org_id
WHERE slot_at > now() - $1 * interval '1 second'
GROUP BY org_id, organisation.name, organisation.plan ORDER BY requests DESC, org_id LIMIT $2
"""

REQUESTS_BY_HOUR = """
SELECT date_trunc('hour', slot_at, 'UTC') AS hour_at, sum(requests)::bigint AS requests, sum(refused)::bigint AS refused
FROM request_consumer WHERE org_id = $1 AND slot_at > now() - interval '24 hours' GROUP BY 1 ORDER BY 1
"""

PRUNE_ROUTES = "DELETE FROM request_slot WHERE slot_at < now() - interval '6 hours'"

PRUNE_CONSUMERS = "DELETE FROM request_consumer WHERE slot_at < now() - interval '25 hours'"


async def add_routes(conn: Connection, counts: Mapping[tuple[int, str, int], "RouteCount"]) -> None:
    """Add requests, by the time of their slot, their route and their status, to those written down before."""
    if not counts:
        return
    await conn.execute(
        ADD_ROUTES,
        [datetime.fromtimestamp(slot, UTC) for slot, _, _ in counts],
        [route for _, route, _ in counts],
        [status for _, _, status in counts],
        [each.requests for each in counts.values()],
        [each.shadowed for each in counts.values()],
        ["{" + ",".join(map(str, each.latencies)) + "}" for each in counts.values()],
    )


async def add_consumers(conn: Connection, counts: Mapping[tuple[int, UUID], "ConsumerCount"]) -> None:
    """Add requests, by the time of their slot and who asked, to those written down before."""
    if not counts:
        return
    await conn.execute(
        ADD_CONSUMERS,
        [datetime.fromtimestamp(slot, UTC) for slot, _ in counts],
        [org_id for _, org_id in counts],
        [each.requests for each in counts.values()],
        [each.refused for each in counts.values()],
        [round(each.ms) for each in counts.values()],
    )


async def sum_routes(conn: Connection, *, window_s: float) -> list[RouteStats]:
    """What was asked lately, by route and status."""
    return [
        RouteStats(
            route=row["route"],
            status=row["status"],
            requests=row["requests"],
            shadowed=row["shadowed"],
            latencies=tuple(map(sum, zip(*row["latencies"], strict=True))),
        )
        for row in await conn.fetch(SUM_ROUTES, window_s)
    ]


async def top_consumers(conn: Connection, *, window_s: float, count_max: int) -> list[Consumer]:
    """Who asked the most lately."""
    return [Consumer(**row) for row in await conn.fetch(TOP_CONSUMERS, window_s, count_max)]


async def requests_by_hour(conn: Connection, org_id: UUID) -> list[RequestHour]:
    """What an organisation asked in the last day."""
    return [RequestHour(**row) for row in await conn.fetch(REQUESTS_BY_HOUR, org_id)]


async def prune(conn: Connection) -> None:
    """Forget what nobody looks at any more."""
    await conn.execute(PRUNE_ROUTES)
    await conn.execute(PRUNE_CONSUMERS)

"""The statements on stored solutions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from quantum_scheduler.postgres.connect import Connection

FIND_SOLUTION = """
SELECT result FROM solution
WHERE org_id = $1 AND fingerprint = $2 AND backend = $3 AND (status = 'optimal' OR time_limit_s >= $4)
"""

# Better is: proven, else found within longer limits, else worth more. Rows go in the order of their keys, so that two
# batches that share some wait for each other without a deadlock.
STORE_SOLUTIONS = """
INSERT INTO solution (org_id, fingerprint, backend, time_limit_s, status, objective, result)
SELECT DISTINCT ON (org_id, fingerprint, backend) *
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::text[], $6::float8[], $7::jsonb[])
    AS given (org_id, fingerprint, backend, time_limit_s, status, objective, result)
ORDER BY org_id, fingerprint, backend, status DESC, time_limit_s DESC, objective
ON CONFLICT (org_id, fingerprint, backend) DO UPDATE
SET time_limit_s = excluded.time_limit_s, status = excluded.status, objective = excluded.objective,
    result = excluded.result, stored_at = now()
WHERE solution.status <> 'optimal' AND (
    excluded.status = 'optimal' OR excluded.time_limit_s > solution.time_limit_s
    OR (excluded.time_limit_s = solution.time_limit_s AND excluded.objective <= solution.objective)
)
"""

EVICT_SOLUTIONS = """
WITH old AS MATERIALIZED (
    SELECT org_id, fingerprint, backend FROM solution
    WHERE stored_at <= (SELECT stored_at FROM solution ORDER BY stored_at DESC OFFSET $1 LIMIT 1)
    FOR UPDATE SKIP LOCKED
)
DELETE FROM solution USING old
WHERE (solution.org_id, solution.fingerprint, solution.backend) = (old.org_id, old.fingerprint, old.backend)
"""

FORGET_SOLUTION = "DELETE FROM solution WHERE org_id = $1 AND fingerprint = $2 AND backend = $3"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSolution:
    """A result worth giving again, with what it is found by."""

    org_id: UUID
    fingerprint: str
    backend: str
    time_limit_s: float
    status: str
    objective: float
    result: Mapping[str, Any]


async def find_solution(
    conn: Connection, org_id: UUID, fingerprint: str, backend: str, time_limit_s: float
) -> Mapping[str, Any] | None:
    """The stored result that is proven, or that had at least `time_limit_s`."""
    result: Mapping[str, Any] | None = await conn.fetchval(FIND_SOLUTION, org_id, fingerprint, backend, time_limit_s)
    return result


async def store_solutions(conn: Connection, solutions: Sequence[StoredSolution]) -> None:
    """Keep each solution unless a better one is there."""
    await conn.execute(
        STORE_SOLUTIONS,
        [each.org_id for each in solutions],
        [each.fingerprint for each in solutions],
        [each.backend for each in solutions],
        [each.time_limit_s for each in solutions],
        [each.status for each in solutions],
        [each.objective for each in solutions],
        [each.result for each in solutions],
    )


async def evict_solutions(conn: Connection, *, count_max: int) -> None:
    """Drop the oldest solutions over `count_max`."""
    await conn.execute(EVICT_SOLUTIONS, count_max)


async def forget_solution(conn: Connection, org_id: UUID, fingerprint: str, backend: str) -> None:
    """Drop a solution."""
    await conn.execute(FORGET_SOLUTION, org_id, fingerprint, backend)

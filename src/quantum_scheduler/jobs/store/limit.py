"""The statements on limits: how much may run at once."""

from uuid import UUID

from quantum_scheduler.jobs.queue_model import RunningLimits
from quantum_scheduler.postgres.connect import Connection

# Waits for the claims that began without limits.
LOCK_LIMITS = "SELECT pg_advisory_xact_lock(20764, 0)"

LIMIT_LANE = """
INSERT INTO lane (name, running_max) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET running_max = excluded.running_max
"""

LIMIT_ORGANISATION = """
INSERT INTO org_limit (org_id, running_max) VALUES ($1, $2)
ON CONFLICT (org_id) DO UPDATE SET running_max = excluded.running_max
"""

FREE_ORGANISATION = "DELETE FROM org_limit WHERE org_id = $1"

FIND_LANE_LIMITS = "SELECT name, running_max FROM lane WHERE running_max IS NOT NULL ORDER BY name"

FIND_ORGANISATION_LIMITS = "SELECT org_id, running_max FROM org_limit ORDER BY org_id"


async def limit_lane(conn: Connection, lane: str, running_max: int | None) -> None:
    """Set or, by None, lift the limit of a lane, which must be locked."""
    await conn.execute(LIMIT_LANE, lane, running_max)


async def limit_organisation(conn: Connection, org_id: UUID, running_max: int | None) -> None:
    """Set or, by None, lift the limit of an organisation."""
    await conn.execute(LOCK_LIMITS)
    if running_max is None:
        await conn.execute(FREE_ORGANISATION, org_id)
    else:
        await conn.execute(LIMIT_ORGANISATION, org_id, running_max)


async def find_limits(conn: Connection) -> RunningLimits:
    """Every limit there is."""
    lanes = await conn.fetch(FIND_LANE_LIMITS)
    organisations = await conn.fetch(FIND_ORGANISATION_LIMITS)
    return RunningLimits(
        lanes={row["name"]: row["running_max"] for row in lanes},
        organisations={row["org_id"]: row["running_max"] for row in organisations},
    )

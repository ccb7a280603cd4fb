"""The statements on attempts at quantum backends."""

from uuid import UUID

from quantum_scheduler.accounts.quota.model import Part
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.routing_model import Attempt, Decision, Ending

OPEN_ATTEMPT = """
INSERT INTO quantum_attempt (job_id, asked, backend, key, state, decision, cost_usd, qpu_ms)
VALUES ($1, $2, $3, $4, 'submitting', $5, $6, $7) RETURNING id
"""

# A customer waits for this row, which a crash of Postgres may lose: no disk is waited for.
SKIP = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO quantum_attempt (job_id, asked, state, decision, is_fallback, ended_at)
SELECT $1, $2, 'skipped', $3, $4, now() FROM quick
"""

NOTE_SUBMITTED = "UPDATE quantum_attempt SET state = 'waiting', submitted_at = now() WHERE id = $1 AND ended_at IS NULL"

NOTE_POSITION = """
UPDATE quantum_attempt SET queue_position = $2
WHERE id = $1 AND ended_at IS NULL AND queue_position IS DISTINCT FROM $2
"""

# An attempt ends once; a worker that only seemed dead may say it again.
END_ATTEMPT = """
UPDATE quantum_attempt SET state = $2, is_fallback = $2 IN ('failed', 'doubtful'), error = $3, objective = $4,
    classical_objective = $5, winner = $6, cost_usd = coalesce($7, cost_usd), queue_position = NULL, ended_at = now(),
    qpu_ms = CASE WHEN $2 = 'answered' THEN coalesce($8, qpu_ms) ELSE 0 END
WHERE id = $1 AND ended_at IS NULL
RETURNING job_id, old.qpu_ms AS reserved, new.qpu_ms AS used
"""

# The race may be judged after the attempt was answered.
NOTE_RACE = """
UPDATE quantum_attempt SET classical_objective = $2, winner = $3 WHERE id = $1
"""

COLUMNS = """
    id, job_id, asked, backend, key, state, decision, is_fallback, queue_position, error, objective,
    classical_objective, winner, cost_usd, qpu_ms, began_at, submitted_at, ended_at
"""

FIND_ATTEMPT = f"SELECT {COLUMNS} FROM quantum_attempt WHERE key = $1"  # noqa: S608  the columns are ours

LIST_ATTEMPTS = f"""
SELECT {COLUMNS} FROM quantum_attempt WHERE job_id = $1 ORDER BY id LIMIT $2
"""  # noqa: S608  the columns are ours

LIST_DOUBTFUL = f"""
SELECT {COLUMNS} FROM quantum_attempt WHERE state = 'doubtful' ORDER BY id DESC LIMIT $1
"""  # noqa: S608  the columns are ours

# A worker died after the job had gone on without the attempt, so nobody follows it any more.
END_STRAYS = """
UPDATE quantum_attempt SET state = CASE WHEN key IS NULL THEN 'cancelled' ELSE 'doubtful' END, ended_at = now(),
    error = '{"kind": "unavailable", "message": "the worker that followed it died"}', qpu_ms = 0
FROM job
WHERE job.id = quantum_attempt.job_id AND quantum_attempt.ended_at IS NULL AND job.finished_at IS NOT NULL
    AND job.finished_at < now() - $1 * interval '1 second'
"""


async def open_attempt(conn: Connection, job_id: UUID, key: str | None, decision: Decision) -> int:
    """Write that a submission begins, and return its number."""
    attempt_id: int = await conn.fetchval(
        OPEN_ATTEMPT,
        job_id,
        decision.asked,
        decision.chosen,
        key,
        decision.document(),
        decision.cost_usd,
        decision.qpu_ms,
    )
    return attempt_id


async def skip(conn: Connection, job_id: UUID, decision: Decision) -> None:
    """Write why a job went to no quantum backend."""
    await conn.execute(SKIP, job_id, decision.asked, decision.document(), decision.is_fallback)


async def note_submitted(conn: Connection, attempt_id: int) -> None:
    """Write that the vendor has it."""
    await conn.execute(NOTE_SUBMITTED, attempt_id)


async def note_position(conn: Connection, attempt_id: int, queue_position: int | None) -> None:
    """Write where in the vendor's queue it is."""
    await conn.execute(NOTE_POSITION, attempt_id, queue_position)


async def end_attempt(conn: Connection, attempt_id: int, ending: Ending) -> Part | None:
    """Write how it ended, and tell what it used of what was reserved for it; None where it had ended before."""
    row = await conn.fetchrow(
        END_ATTEMPT,
        attempt_id,
        ending.state,
        None if ending.kind is None else {"kind": ending.kind, "message": ending.message},
        ending.objective,
        ending.classical_objective,
        ending.winner,
        ending.cost_usd,
        ending.qpu_ms,
    )
    return None if row is None else Part(meter="qpu_ms", **row)


async def note_race(conn: Connection, attempt_id: int, classical_objective: float | None, winner: str) -> None:
    """Write what the answer was compared with, and who won."""
    await conn.execute(NOTE_RACE, attempt_id, classical_objective, winner)


async def find_attempt(conn: Connection, key: str) -> Attempt | None:
    """The attempt that was submitted under the key."""
    row = await conn.fetchrow(FIND_ATTEMPT, key)
    return None if row is None else Attempt(**row)


async def list_attempts(conn: Connection, job_id: UUID, *, count_max: int) -> list[Attempt]:
    """A job's attempts, the first one first."""
    return [Attempt(**row) for row in await conn.fetch(LIST_ATTEMPTS, job_id, count_max)]


async def list_doubtful(conn: Connection, *, count_max: int) -> list[Attempt]:
    """Attempts that may have been charged without anybody knowing, the last one first."""
    return [Attempt(**row) for row in await conn.fetch(LIST_DOUBTFUL, count_max)]


async def end_strays(conn: Connection, *, after_s: float) -> None:
    """End the attempts that nobody follows any more."""
    await conn.execute(END_STRAYS, after_s)

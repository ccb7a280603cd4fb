"""Every statement of runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asyncpg import Record

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.runbooks.run_model import NewRun, Run, RunEvent, StepRow
from quantum_scheduler.runbooks.state import read_state, write_state

_COLUMNS = (
    "id, runbook, sha256, document, incident_id, lock, status, started_by, started_at, finished_at, state, pending"
)

INSERT = f"""
INSERT INTO run (runbook, sha256, document, incident_id, lock, status, started_by, started_at, state, pending)
VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, '{{}}')
ON CONFLICT (lock) WHERE finished_at IS NULL AND lock IS NOT NULL DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608
FIND = f"SELECT {_COLUMNS} FROM run WHERE id = $1"  # noqa: S608
LOCK = f"SELECT {_COLUMNS} FROM run WHERE id = $1 FOR UPDATE"  # noqa: S608
FIND_LOCKING = f"SELECT {_COLUMNS} FROM run WHERE lock = $1 AND finished_at IS NULL FOR UPDATE"  # noqa: S608
LAST_STARTS = """
SELECT incident_id, runbook, max(started_at) AS started_at FROM run WHERE incident_id = ANY($1) GROUP BY 1, 2
"""
# How fast the runs of a runbook go that is drilled now, on an instance that may be.
FIND_PACE = """
SELECT pace FROM drill
WHERE runbook = $1 AND finished_at IS NULL AND expires_at > $2 AND EXISTS (SELECT FROM drill_ground WHERE is_allowed)
ORDER BY id DESC LIMIT 1
"""
IS_FOLLOWED = "SELECT EXISTS (SELECT FROM run WHERE incident_id = $1 AND finished_at IS NULL)"
LIST_PENDING = "SELECT id, pending FROM run WHERE finished_at IS NULL ORDER BY id LIMIT $1"
LIST = f"""
SELECT {_COLUMNS} FROM run
WHERE (NOT $1 OR finished_at IS NULL) AND ($2::bigint IS NULL OR incident_id = $2) AND ($3::bigint IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
"""  # noqa: S608
UPDATE = "UPDATE run SET state = $2, pending = $3, status = $4, finished_at = $5, incident_id = $6 WHERE id = $1"
INSERT_STEPS = """
INSERT INTO step (run_id, pc, step, kind, outcome, detail, began_at, ended_at)
SELECT $1, pc, step, kind, outcome, detail, to_timestamp(began_s), $2
FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::float8[])
    AS given (pc, step, kind, outcome, detail, began_s)
"""
READ_STEPS = """
SELECT pc, step, kind, outcome, detail, began_at, ended_at FROM step WHERE run_id = $1 ORDER BY ended_at, pc
"""
INSERT_SIGNAL = "INSERT INTO signal (run_id, step, answer, role, by, at) VALUES ($1, $2, $3, $4, $5, $6)"
APPEND = """
WITH next AS (UPDATE run SET events = events + cardinality($3::text[]) WHERE id = $1 RETURNING events)
INSERT INTO run_event (run_id, seq, at, kind, step, by, detail)
SELECT $1, events - cardinality($3::text[]) + place, $2, kind, step, by, detail
FROM next, unnest($3::text[], $4::text[], $5::text[], $6::jsonb[]) WITH ORDINALITY
    AS given (kind, step, by, detail, place)
"""
READ_EVENTS = """
SELECT seq, at, kind, step, by, detail FROM run_event WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""


async def insert(conn: Connection, new: NewRun) -> Run | None:
    """Write a new run; None where its lock is held."""
    row = await conn.fetchrow(
        INSERT,
        new.runbook,
        new.sha256,
        new.document,
        new.incident_id,
        new.lock,
        new.started_by,
        new.started_at,
        write_state(new.state),
    )
    return _run(row)


async def find(conn: Connection, run_id: int) -> Run | None:
    """Read a run."""
    return _run(await conn.fetchrow(FIND, run_id))


async def lock_run(conn: Connection, run_id: int) -> Run | None:
    """Read a run, and keep others from moving it until the transaction ends."""
    return _run(await conn.fetchrow(LOCK, run_id))


async def find_locking(conn: Connection, lock: str) -> Run | None:
    """Find and lock the run that holds a lock."""
    return _run(await conn.fetchrow(FIND_LOCKING, lock))


async def last_starts(conn: Connection, incident_ids: Sequence[int]) -> dict[tuple[int, str], datetime]:
    """When the last run of each runbook for each of these incidents was started."""
    rows = await conn.fetch(LAST_STARTS, incident_ids)
    return {(row["incident_id"], row["runbook"]): row["started_at"] for row in rows}


async def find_pace(conn: Connection, runbook: str, now: datetime) -> float:
    """What the holds of a run that starts now are multiplied with: 1, but in a drill."""
    pace = await conn.fetchval(FIND_PACE, runbook, now)
    return 1.0 if pace is None else float(pace)


async def is_followed(conn: Connection, incident_id: int) -> bool:
    """Whether a run of an incident is under way."""
    return bool(await conn.fetchval(IS_FOLLOWED, incident_id))


async def list_pending(conn: Connection, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """What each unfinished run waits for: its id, and the payloads of its tasks by their pc."""
    return [(row["id"], row["pending"]) for row in await conn.fetch(LIST_PENDING, limit)]


async def list_runs(
    conn: Connection, *, unfinished: bool, incident_id: int | None, before: int | None, limit: int
) -> list[Run]:
    """List runs, newest first."""
    rows = await conn.fetch(LIST, unfinished, incident_id, before, limit)
    return [run for row in rows if (run := _run(row)) is not None]


async def update(conn: Connection, run: Run) -> None:
    """Write how a locked run stands."""
    state, pending = write_state(run.state), dict(run.pending)
    await conn.execute(UPDATE, run.id, state, pending, run.status, run.finished_at, run.incident_id)


async def insert_steps(conn: Connection, run_id: int, rows: Sequence[tuple[Any, ...]], now: datetime) -> None:
    """Write what was done, each pc once: pc, step, kind, outcome, detail, and when it began in seconds."""
    if rows:
        await conn.execute(INSERT_STEPS, run_id, now, *(list(column) for column in zip(*rows, strict=True)))


async def read_steps(conn: Connection, run_id: int) -> list[StepRow]:
    """Read what was done, in that order."""
    return [StepRow(**row) for row in await conn.fetch(READ_STEPS, run_id)]


async def insert_signal(
    conn: Connection, run_id: int, step: str, answer: str, *, role: str | None, by: str, at: datetime
) -> None:
    """Write down what somebody said."""
    await conn.execute(INSERT_SIGNAL, run_id, step, answer, role, by, at)


async def append(conn: Connection, run_id: int, at: datetime, rows: Sequence[tuple[str, str, str, Any]]) -> None:
    """Add to the story of a locked run: kind, step, by and detail of each row."""
    if rows:
        await conn.execute(APPEND, run_id, at, *(list(column) for column in zip(*rows, strict=True)))


async def read_events(conn: Connection, run_id: int, *, after: int, limit: int) -> list[RunEvent]:
    """Read the story of a run after a row."""
    return [RunEvent(**row) for row in await conn.fetch(READ_EVENTS, run_id, after, limit)]


def _run(row: Record | None) -> Run | None:
    return None if row is None else Run(**{**row, "state": read_state(row["state"])})

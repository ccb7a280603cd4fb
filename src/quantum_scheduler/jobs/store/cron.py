"""The statements on tasks without a job, and on the schedules that make them."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from quantum_scheduler.jobs.model import PRIORITIES, NewTask
from quantum_scheduler.jobs.queue_model import CronEntry
from quantum_scheduler.postgres.connect import Connection

# Keys are inserted in their order, so that two batches that share some wait for each other without a deadlock.
INSERT_TASKS = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::text[], $2::uuid[], $3::text[], $4::smallint[], $5::jsonb[], $6::text[], $7::timestamptz[], $8::float8[]
    ) WITH ORDINALITY AS given (lane, org_id, kind, priority, payload, dedupe_key, run_at, deadline_s, place)
)
INSERT INTO task (lane, org_id, kind, priority, payload, dedupe_key, state, run_at, deadline_at)
SELECT lane, org_id, kind, priority, payload, dedupe_key, CASE WHEN run_at > now() THEN 'scheduled' ELSE 'ready' END,
    greatest(run_at, now()), now() + deadline_s * interval '1 second'
FROM given ORDER BY dedupe_key, place
ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING RETURNING id
"""

PUT_CRON = """
INSERT INTO cron (name, schedule, kind, lane, priority, payload, next_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE SET schedule = excluded.schedule, kind = excluded.kind, lane = excluded.lane,
    priority = excluded.priority, payload = excluded.payload, next_at = excluded.next_at
"""

DROP_CRON = "DELETE FROM cron WHERE name = $1 RETURNING name"

LIST_CRON = "SELECT name, schedule, kind, lane, priority, payload, next_at, fired_at FROM cron ORDER BY name"

FIND_DUE = """
SELECT name, schedule, kind, lane, priority, payload, next_at, fired_at, now() AS now
FROM cron WHERE next_at <= now() ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED
"""

MOVE_CRON = "UPDATE cron SET next_at = $2, fired_at = now() WHERE name = $1"


async def insert_tasks(conn: Connection, new: Sequence[NewTask]) -> list[int]:
    """Write those of the tasks whose key is not taken, and number them."""
    rows = await conn.fetch(
        INSERT_TASKS,
        [task.lane for task in new],
        [task.org_id for task in new],
        [task.kind for task in new],
        [PRIORITIES.index(task.priority) for task in new],
        [task.payload for task in new],
        [task.dedupe_key for task in new],
        [task.run_at for task in new],
        [task.deadline_s for task in new],
    )
    return [row["id"] for row in rows]


async def put_cron(conn: Connection, entry: CronEntry) -> None:
    """Write an entry in place of the one with its name."""
    rank = PRIORITIES.index(entry.priority)
    await conn.execute(PUT_CRON, entry.name, entry.schedule, entry.kind, entry.lane, rank, entry.payload, entry.next_at)


async def drop_cron(conn: Connection, name: str) -> bool:
    """Delete an entry; False where there is none."""
    return await conn.fetchval(DROP_CRON, name) is not None


async def list_cron(conn: Connection) -> list[CronEntry]:
    """Every entry."""
    return [_entry(row) for row in await conn.fetch(LIST_CRON)]


async def find_due(conn: Connection, *, count_max: int) -> list[tuple[CronEntry, datetime]]:
    """Lock the entries that are due; with each, what time it is."""
    return [(_entry(row), row["now"]) for row in await conn.fetch(FIND_DUE, count_max)]


async def move_cron(conn: Connection, name: str, next_at: datetime) -> None:
    """Note that an entry was fired, and when it is due again."""
    await conn.execute(MOVE_CRON, name, next_at)


def _entry(row: Record) -> CronEntry:
    fields = {name: row[name] for name in CronEntry.__dataclass_fields__}
    return CronEntry(**{**fields, "priority": PRIORITIES[row["priority"]]})

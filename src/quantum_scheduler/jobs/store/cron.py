"""The statements on tasks without a job, and on the schedules that make them."""

from datetime import datetime

from asyncpg import Record

from quantum_scheduler.jobs.model import PRIORITIES, NewTask
from quantum_scheduler.jobs.queue_model import CronEntry
from quantum_scheduler.postgres.connect import Connection

INSERT_TASK = """
INSERT INTO task (lane, org_id, kind, priority, payload, dedupe_key, state, run_at, deadline_at)
SELECT $1, $2, $3, $4, $5, $6, CASE WHEN $7::timestamptz > now() THEN 'scheduled' ELSE 'ready' END,
    greatest($7::timestamptz, now()), now() + $8::float8 * interval '1 second'
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


async def insert_task(conn: Connection, new: NewTask) -> int | None:
    """Write a task; None where its key is taken."""
    task_id: int | None = await conn.fetchval(
        INSERT_TASK,
        new.lane,
        new.org_id,
        new.kind,
        PRIORITIES.index(new.priority),
        new.payload,
        new.dedupe_key,
        new.run_at,
        new.deadline_s,
    )
    return task_id


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

"""Queue work that is not a job: now, at a time, or whenever a schedule says so."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from cronsim import CronSim, CronSimError

from quantum_scheduler.jobs.model import CONTROL_LANE, SUBMIT_BATCH_MAX, NewTask, Priority
from quantum_scheduler.jobs.queue_model import CronEntry
from quantum_scheduler.jobs.store import cron as store
from quantum_scheduler.postgres.connect import Connection

UNREADABLE_AGAIN = timedelta(days=1)

log = structlog.get_logger(__name__)


class ScheduleInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """The text is no cron expression, or one that is never due."""

    def __init__(self, schedule: str, reason: str) -> None:
        super().__init__(f"{schedule!r} is no schedule: {reason}; `*/5 * * * *` is one")


async def enqueue_task(conn: Connection, new: NewTask) -> int | None:
    """Queue a task and return its number, or None where its `dedupe_key` is taken.

    Notify `TASK_READY` with its lane once committed.
    """
    task_ids = await store.insert_tasks(conn, [new])
    return task_ids[0] if task_ids else None


async def enqueue_tasks(conn: Connection, new: Sequence[NewTask]) -> list[int]:
    """Queue up to `SUBMIT_BATCH_MAX` tasks at once, each as by `enqueue_task`, and number those that are new."""
    if len(new) > SUBMIT_BATCH_MAX:
        raise ValueError(f"{len(new)} tasks at once are more than {SUBMIT_BATCH_MAX}")
    return await store.insert_tasks(conn, new)


async def schedule_cron(
    conn: Connection,
    name: str,
    schedule: str,
    kind: str,
    *,
    now: datetime,
    lane: str = CONTROL_LANE,
    priority: Priority = "normal",
    payload: Mapping[str, Any] | None = None,
) -> CronEntry:
    """Enqueue a task whenever `schedule`, a cron expression in UTC, is due after `now`.

    The last call for a name counts. While the task of one firing waits or runs, the next firings add none.
    Raises ScheduleInvalid.
    """
    entry = CronEntry(
        name=name,
        schedule=schedule,
        kind=kind,
        lane=lane,
        priority=priority,
        payload=payload,
        next_at=find_next(schedule, now),
        fired_at=None,
    )
    await store.put_cron(conn, entry)
    return entry


async def unschedule_cron(conn: Connection, name: str) -> bool:
    """Fire an entry no more; False where there was none."""
    return await store.drop_cron(conn, name)


async def list_cron(conn: Connection) -> list[CronEntry]:
    """List the entries by name."""
    return await store.list_cron(conn)


async def fire_cron(conn: Connection, *, count_max: int) -> set[str]:
    """Enqueue what is due, each entry once however long ago it was, and name the lanes that have work by it."""
    lanes: set[str] = set()
    for entry, now in await store.find_due(conn, count_max=count_max):
        dedupe_key = f"cron:{entry.name}"
        task = NewTask(
            kind=entry.kind, payload=entry.payload, lane=entry.lane, priority=entry.priority, dedupe_key=dedupe_key
        )
        if await store.insert_tasks(conn, [task]):
            lanes.add(entry.lane)
        await store.move_cron(conn, entry.name, _find_next_surely(entry, now))
    return lanes


def _find_next_surely(entry: CronEntry, now: datetime) -> datetime:
    """The next time of an entry that was valid once: what is wrong with one may not keep the others from firing."""
    try:
        return find_next(entry.schedule, now)
    except ScheduleInvalid as error:
        log.exception("cron.unreadable", name=entry.name, reason=str(error))
        return now + UNREADABLE_AGAIN


def find_next(schedule: str, after: datetime) -> datetime:
    """Find the first time after that when a cron expression in UTC is due. Raises ScheduleInvalid."""
    try:
        return next(CronSim(schedule, after.astimezone(UTC)))
    except CronSimError as error:
        raise ScheduleInvalid(schedule, str(error).lower()) from None
    except StopIteration:
        raise ScheduleInvalid(schedule, "it is never due") from None

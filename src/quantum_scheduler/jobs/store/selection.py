"""The statements on tasks that are selected by what they are."""

from collections.abc import Sequence
from uuid import UUID

from quantum_scheduler.jobs.model import PRIORITIES, Fence, Priority
from quantum_scheduler.jobs.queue_model import SelectedTask, Selection
from quantum_scheduler.postgres.connect import Connection

SELECT_TASKS = """
SELECT task.id, task.attempt, task.owner, task.job_id,
    (task.handle IS NOT NULL OR task.submitting_at IS NOT NULL) AS is_remote
FROM task LEFT JOIN job ON job.id = task.job_id
WHERE ($1::bigint[] IS NULL OR task.id = ANY($1)) AND ($2::uuid[] IS NULL OR task.job_id = ANY($2))
    AND ($3::uuid IS NULL OR task.org_id = $3) AND ($4::text IS NULL OR task.lane = $4)
    AND ($5::smallint IS NULL OR task.priority = $5) AND ($6::text IS NULL OR job.name = $6)
    AND ($7::text IS NULL OR $7 = CASE WHEN task.state = 'running' THEN 'running' ELSE job.state END)
    AND ($8::smallint IS NULL OR task.priority <> $8)
    AND (NOT $9::boolean OR task.cancelled_at IS NULL)
    AND (NOT $10::boolean OR task.state <> 'ready')
    AND ($11::float8 IS NULL OR task.owner IS NULL OR task.started_at <= now() - $11 * interval '1 second')
ORDER BY task.id LIMIT $12 FOR UPDATE OF task
"""

PRIORITISE_TASKS = "UPDATE task SET priority = $2 WHERE id = ANY($1::bigint[])"

PRIORITISE_JOBS = "UPDATE job SET priority = $2 WHERE id = ANY($1::uuid[])"

CANCEL_TASKS = """
UPDATE task SET cancelled_at = now(), review_reason = NULL, run_at = least(run_at, now()), state = CASE
    WHEN state = 'scheduled' AND (handle IS NOT NULL OR submitting_at IS NOT NULL) THEN 'ready' ELSE state
END
WHERE id = ANY($1::bigint[])
"""

# Whoever looks through what waits for a person has seen that nothing was submitted.
WAKE_TASKS = """
UPDATE task SET state = 'ready', run_at = now(), review_reason = NULL,
    submitting_at = CASE WHEN review_reason IS NULL THEN submitting_at END
WHERE id = ANY($1::bigint[]) AND state = 'scheduled' RETURNING lane
"""


async def select_tasks(
    conn: Connection,
    which: Selection,
    *,
    count_max: int,
    other_than: Priority | None = None,
    is_wanted: bool = False,
    is_unready: bool = False,
    running_for_s: float | None = None,
) -> list[SelectedTask]:
    """Lock up to `count_max` selected tasks, in the order of their ids.

    Only those of another priority than `other_than`; that were not cancelled, with `is_wanted`; that do not wait for a
    worker, with `is_unready`; and that, if they run, have done so for `running_for_s`.
    """
    rows = await conn.fetch(
        SELECT_TASKS,
        which.task_ids,
        which.job_ids,
        which.org_id,
        which.lane,
        None if which.priority is None else PRIORITIES.index(which.priority),
        which.name,
        which.state,
        None if other_than is None else PRIORITIES.index(other_than),
        is_wanted,
        is_unready,
        running_for_s,
        count_max,
    )
    return [
        SelectedTask(
            fence=Fence(row["id"], row["attempt"], row["owner"]), job_id=row["job_id"], is_remote=row["is_remote"]
        )
        for row in rows
    ]


async def prioritise_tasks(
    conn: Connection, task_ids: Sequence[int], job_ids: Sequence[UUID], priority: Priority
) -> None:
    """Give locked tasks and their jobs another priority."""
    await conn.execute(PRIORITISE_TASKS, task_ids, PRIORITIES.index(priority))
    await conn.execute(PRIORITISE_JOBS, job_ids, PRIORITIES.index(priority))


async def cancel_tasks(conn: Connection, task_ids: Sequence[int]) -> None:
    """Note that locked tasks are to be cancelled."""
    await conn.execute(CANCEL_TASKS, task_ids)


async def wake_tasks(conn: Connection, task_ids: Sequence[int]) -> set[str]:
    """Make ready now those of the locked tasks that wait for a time or a person; the lanes they are in."""
    return {row["lane"] for row in await conn.fetch(WAKE_TASKS, task_ids)}

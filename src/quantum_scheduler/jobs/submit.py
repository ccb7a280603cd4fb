"""Take a job in: its row and its task are written together, so that what was acknowledged is never lost."""

import math
from collections.abc import Iterator, Sequence
from uuid import UUID

from quantum_scheduler.accounts.quota.model import Need
from quantum_scheduler.accounts.quota.reserve import reserve_quota
from quantum_scheduler.jobs.model import SUBMIT_BATCH_MAX, IdempotencyConflict, Job, NewJob, solve_lane
from quantum_scheduler.jobs.pack import pack_problem
from quantum_scheduler.jobs.store import job as store
from quantum_scheduler.postgres.connect import Connection


async def submit_job(conn: Connection, org_id: UUID, new: NewJob) -> tuple[Job, bool]:
    """Queue a job; True with it where it is new, False where its idempotency key had already made it.

    Notify `TASK_READY` with the job's lane once committed. Raises IdempotencyConflict, QuotaExceeded.
    """
    return (await submit_jobs(conn, org_id, [new]))[0]


async def submit_jobs(conn: Connection, org_id: UUID, new: Sequence[NewJob]) -> list[tuple[Job, bool]]:
    """Queue up to `SUBMIT_BATCH_MAX` jobs at once, each as by `submit_job`, and raise what that does."""
    if len(new) > SUBMIT_BATCH_MAX:
        raise ValueError(f"{len(new)} jobs at once are more than {SUBMIT_BATCH_MAX}")
    problems = [await pack_problem(job.problem_document) for job in new]
    made = await store.insert_jobs(conn, org_id, new, [solve_lane(job.backend) for job in new], problems)
    replayed = [job.idempotency_key for job, job_id in zip(new, made, strict=True) if job_id is None]
    known = await store.find_keys(conn, org_id, [key for key in replayed if key is not None]) if replayed else {}
    job_ids = [job_id or _replay(job, known) for job, job_id in zip(new, made, strict=True)]
    jobs = await store.find_jobs(conn, org_id, job_ids)
    needs = [need for each in zip(made, new, problems, strict=True) for need in _tell_needs(*each)]
    await reserve_quota(conn, org_id, needs)
    return [(jobs[job_id], job_id == new_id) for job_id, new_id in zip(job_ids, made, strict=True)]


async def is_known(conn: Connection, org_id: UUID, new: NewJob) -> bool:
    """Whether the idempotency key of a job has made one already, so that submitting it makes none."""
    key = new.idempotency_key
    return key is not None and key in await store.find_keys(conn, org_id, [key])


def _tell_needs(job_id: UUID | None, job: NewJob, problem: bytes) -> Iterator[Need]:
    """What a new job may use at most, but for quantum computers; one that was made before has reserved it already."""
    if job_id is None:
        return
    yield Need(job_id=job_id, meter="jobs_at_once", amount=1)
    yield Need(job_id=job_id, meter="solve_ms", amount=math.ceil(job.time_limit_s * 1000))
    yield Need(job_id=job_id, meter="stored_bytes", amount=len(problem))


def _replay(job: NewJob, known: dict[str, tuple[UUID, str]]) -> UUID:
    """The job that an earlier request with the same key made."""
    key = job.idempotency_key or ""
    job_id, digest = known[key]
    if digest != job.request_digest:
        raise IdempotencyConflict(key, job_id)
    return job_id

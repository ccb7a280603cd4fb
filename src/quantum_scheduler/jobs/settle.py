"""Write down what became of claimed work, if it is still the claimant's."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import assert_never
from uuid import UUID

import structlog

from quantum_scheduler.accounts.quota.model import Spent
from quantum_scheduler.accounts.quota.reserve import settle_quota
from quantum_scheduler.jobs.model import (
    Cancelled,
    Claim,
    Done,
    Failed,
    Fence,
    HandedBack,
    Outcome,
    Retry,
    Review,
    Settled,
    Sleep,
    Succeeded,
    TakenOver,
)
from quantum_scheduler.jobs.store import task as store
from quantum_scheduler.jobs.store.task import End, Release
from quantum_scheduler.postgres.connect import Connection, Pool, transient, write_json
from quantum_scheduler.solving.recall import remember_results

log = structlog.get_logger(__name__)


async def settle_jobs(
    conn: Connection, done: Sequence[tuple[Claim, Outcome]], *, remember: bool
) -> dict[Fence, Settled]:
    """Settle claims that are still held, and return those by fence; what is missing was lost and changed nothing.

    A job that was cancelled meanwhile ends as cancelled, whatever its outcome. With `remember`, fresh results are
    kept for others to recall.
    """
    settled = {each.fence: each for each in await settle_tasks(conn, [(c.fence, outcome) for c, outcome in done])}
    if remember:
        fresh = [
            (claim.org_id, outcome.result)
            for claim, outcome in done
            if isinstance(outcome, Succeeded) and not outcome.cached
            if claim.fence in settled and settled[claim.fence].state == "succeeded"
        ]
        await remember_results(conn, fresh)
    return settled


async def settle_surely(pool: Pool, done: Sequence[tuple[Claim, Outcome]], *, remember: bool) -> dict[Fence, Settled]:
    """Settle claims as by `settle_jobs`, in a transaction of its own, and log what became of each.

    Where one cannot be written, the others are settled and that one fails. Raises what is `transient`.
    """
    try:
        async with pool.acquire() as conn, conn.transaction():
            settled = await settle_jobs(conn, done, remember=remember)
    except Exception as error:
        if transient(error):
            raise
        log.exception("job.unwritable", claims=[identify(claim) for claim, _ in done])
    else:
        bound = log.bind()  # once for all: each use of the lazy logger makes another
        tells_all = bound.is_enabled_for(logging.INFO)
        for claim, outcome in done:
            each = settled.get(claim.fence)
            if tells_all or each is None or each.state != "succeeded":
                _tell(bound, claim, outcome, each)
        return settled
    if len(done) > 1:
        parts = [await settle_surely(pool, [each], remember=remember) for each in done]
        return {fence: settled for part in parts for fence, settled in part.items()}
    unwritable = Failed(kind="error", message="its result could not be stored")
    async with pool.acquire() as conn, conn.transaction():
        return await settle_jobs(conn, [(claim, unwritable) for claim, _ in done], remember=False)


async def settle_tasks(conn: Connection, done: Sequence[tuple[Fence, Outcome]]) -> list[Settled]:
    """Settle the tasks whose fences hold, and return those."""
    moves = [_move(fence, outcome) for fence, outcome in done]
    releases = [move for move in moves if isinstance(move, Release)]
    released = await store.release_tasks(conn, releases) if releases else []
    taken_back = {each.fence for each in released}
    # Whoever still holds a task that could not be released was told to cancel it.
    refused = [End(fence=move.fence, state="cancelled") for move in releases if move.fence not in taken_back]
    ends = [move for move in moves if isinstance(move, End)] + refused
    ended = await store.end_tasks(conn, ends) if ends else []
    await settle_quota(conn, _tell_spent(dict(done), ended))
    return released + ended


def _tell_spent(outcomes: Mapping[Fence, Outcome], ended: Sequence[Settled]) -> list[Spent]:
    """What the ended jobs used: an answer its own time, a cancelled job that of its last try, any other nothing.

    What their attempts took of quantum computers is with their reservations.
    """
    return [_measure(each.job_id, each, outcomes[each.fence]) for each in ended if each.job_id is not None]


def _measure(job_id: UUID, ended: Settled, outcome: Outcome) -> Spent:
    if ended.state == "failed":
        return Spent(job_id=job_id, is_free=True)
    if isinstance(outcome, Succeeded) and outcome.cached:
        return Spent(job_id=job_id)
    result = outcome.result if isinstance(outcome, Succeeded) and ended.state == "succeeded" else {}
    return Spent(job_id=job_id, solve_ms=math.ceil(result.get("seconds", ended.ran_s) * 1000))


_WAITS = {Retry: "job.retried", Review: "job.needs_review"}


def identify(claim: Claim) -> dict[str, str]:
    """Name in a log what was claimed: a job, or a task that has none."""
    if claim.job_id is None:
        return {"task_id": str(claim.task_id), "kind": claim.kind}
    return {"job_id": str(claim.job_id)}


def _move(fence: Fence, outcome: Outcome) -> End | Release:
    if isinstance(outcome, Succeeded | Done | Failed | Cancelled):
        return _end(fence, outcome)
    return _release(fence, outcome)


def _end(fence: Fence, outcome: Succeeded | Done | Failed | Cancelled) -> End:
    match outcome:
        case Succeeded(result=result, cached=cached, document=document):
            return End(fence=fence, state="succeeded", result=document or write_json(result), cached=cached)
        case Done():
            return End(fence=fence, state="succeeded")
        case Failed(kind=kind, message=message):
            return End(fence=fence, state="failed", error={"kind": kind, "message": message})
        case Cancelled():
            return End(fence=fence, state="cancelled")
        case _:
            assert_never(outcome)


def _release(fence: Fence, outcome: Retry | Sleep | Review | HandedBack | TakenOver) -> Release:
    match outcome:
        case Retry(kind=kind, message=message, delay_s=delay_s, starts_over=starts_over):
            error = {"kind": kind, "message": message}
            return Release(fence=fence, delay_s=delay_s, failures=1, error=error, starts_over=starts_over)
        case Sleep(until=until, handle=handle):
            return Release(fence=fence, until=until, handle=handle)
        case Review(message=message):
            return Release(fence=fence, review_reason=message, error={"kind": "review", "message": message})
        case HandedBack(delay_s=delay_s):
            return Release(fence=fence, delay_s=delay_s)
        case TakenOver():
            return Release(fence=fence, takeovers=1)
        case _:
            assert_never(outcome)


def _tell(log: structlog.typing.FilteringBoundLogger, claim: Claim, outcome: Outcome, settled: Settled | None) -> None:
    facts = {**identify(claim), "attempt": claim.attempt, "outcome": type(outcome).__name__}
    error = getattr(outcome, "message", None)
    if settled is None:
        log.warning("job.claim_lost", **facts)
    elif isinstance(outcome, Retry | Review):
        log.warning(_WAITS[type(outcome)], error=error, **facts)
    elif settled.state == "queued":
        log.info("job.handed_back", **facts)
    elif isinstance(outcome, Sleep):
        log.info("job.sleeping", until=outcome.until.isoformat(), **facts)
    else:
        log.info("job.settled", state=settled.state, error=error, **facts)

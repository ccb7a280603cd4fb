"""Give a claim to what does its kind of work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from quantum_scheduler.jobs.model import Cancelled, Claim, Failed, HandedBack, Outcome, SolveClaim
from quantum_scheduler.jobs.race import race_claim
from quantum_scheduler.jobs.retry import judge_failure
from quantum_scheduler.jobs.solve import Bench, judge_error, solve_claim

# What does the tasks of one kind. It may be done twice, because a worker can die after the work and before its commit.
Handler: TypeAlias = Callable[[Bench, Claim], Awaitable[Outcome]]


async def perform_claim(
    bench: Bench,
    claim: Claim,
    problem: bytes | None,
    *,
    handlers: Mapping[str, Handler],
    on_progress: Callable[[Mapping[str, Any]], None],
) -> Outcome:
    """Have a claim done by the handler of its kind, or solved where it is a job without one; no failure is raised.

    Cancelling this coroutine stops the work.
    """
    if not claim.is_remote:
        if claim.is_cancelled:
            return Cancelled()
        if claim.deadline_left_s is not None and claim.deadline_left_s <= 0:
            return Failed(kind="deadline", message="it still waited at its deadline")
    handler = handlers.get(claim.kind)
    if handler is not None:
        return await _handle(handler, bench, claim)
    if isinstance(claim, SolveClaim) and problem is not None:
        if bench.quantum is not None:
            return await race_claim(bench, bench.quantum, claim, problem, on_progress=on_progress, now=_now)
        return await solve_claim(bench, claim, problem, on_progress=on_progress)
    # A worker of another release may know it.
    message = f"no worker here does tasks of kind {claim.kind!r}"
    return judge_failure("unavailable", message, failures=claim.failures, chance=bench.chance())


async def _handle(handler: Handler, bench: Bench, claim: Claim) -> Outcome:
    """Handle within the deadline; what a provider has is stopped by its handler instead."""
    deadline: asyncio.Timeout | None = None
    try:
        if claim.is_remote or claim.deadline_left_s is None:
            return await handler(bench, claim)
        async with asyncio.timeout(claim.deadline_left_s) as deadline:
            return await handler(bench, claim)
    except Exception as error:
        # It may have been submitted just now: whoever claims it next finds out, and sees that it is late.
        return HandedBack() if deadline is not None and deadline.expired() else judge_error(bench, claim, error)


def _now() -> datetime:
    return datetime.now(UTC)

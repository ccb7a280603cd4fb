"""Do a claim's work at a provider: submit once, sleep, ask again, and never lose what was submitted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from quantum_scheduler.backends.model import BackendError
from quantum_scheduler.jobs.model import (
    Cancelled,
    Claim,
    Failed,
    HandedBack,
    Outcome,
    Retry,
    Review,
    Sleep,
    submission_key,
)
from quantum_scheduler.jobs.retry import RETRIED_KINDS, judge_failure
from quantum_scheduler.jobs.solve import Bench
from quantum_scheduler.jobs.store import task as store

# After these a submission may have arrived all the same.
DOUBTFUL_KINDS = frozenset({"timeout", "unavailable"})
ASK_AGAIN_S = 30.0


class Remote(Protocol):
    """One piece of work at a provider. Its calls are short; they raise BackendError."""

    recovers: bool  # whether `recover` can tell for sure

    async def submit(self, key: str) -> Sleep:
        """Submit under `key`; the handle, and when to ask for the first time."""
        ...

    async def recover(self, key: str) -> Sleep | None:
        """Find what was submitted under `key`; None where nothing was."""
        ...

    async def poll(self, handle: Mapping[str, Any]) -> Outcome:
        """Ask how it stands: `Sleep` until when to ask again, or what became of it."""
        ...

    async def cancel(self, handle: Mapping[str, Any]) -> None:
        """Stop it if that is still possible; safe to repeat."""
        ...


async def pursue(bench: Bench, claim: Claim, remote: Remote, *, now: Callable[[], datetime]) -> Outcome:
    """Take the next step of a claim's remote work, holding its slot no longer than one call to the provider.

    The submission is noted before it is made and its handle committed before it is waited for. One of which it is not
    known whether it arrived is looked for, or shown to a person where the provider cannot tell. A claim that was
    cancelled, or is past its deadline, is stopped at the provider first. Raises BackendError, for `judge_error`.
    """
    handle = claim.handle
    if handle is None and claim.submitting_at is not None:
        if not remote.recovers:
            return Review(message="it may have been submitted, and the provider cannot tell: look there for its key")
        found = await remote.recover(submission_key(claim.task_id, claim.submitting_at))
        if found is not None and not _is_over(claim):
            return found
        handle = None if found is None else found.handle
    if _is_over(claim):
        return await _stop(claim, remote, handle)
    if handle is None:
        return await _submit(bench, claim, remote)
    try:
        return await remote.poll(handle)
    except BackendError as error:
        if error.kind not in RETRIED_KINDS:
            raise
        # The work goes on there, however long nobody can be asked about it.
        return Sleep(until=now() + timedelta(seconds=max(ASK_AGAIN_S, error.retry_after_s or 0.0)), handle=handle)


async def _stop(claim: Claim, remote: Remote, handle: Mapping[str, Any] | None) -> Outcome:
    if handle is not None:
        await remote.cancel(handle)
    if claim.is_cancelled:
        return Cancelled()
    return Failed(kind="deadline", message="it was still at the provider at its deadline and was stopped")


async def _submit(bench: Bench, claim: Claim, remote: Remote) -> Outcome:
    async with bench.pool.acquire() as conn:
        submitting_at = await store.begin_submission(conn, claim.fence)
    if submitting_at is None:
        return HandedBack()  # it was cancelled, or is not ours any more
    try:
        return await remote.submit(submission_key(claim.task_id, submitting_at))
    except BackendError as error:
        if error.kind in DOUBTFUL_KINDS:
            raise
        outcome = judge_failure(error.kind, str(error), failures=claim.failures, chance=bench.chance())
        return replace(outcome, starts_over=True) if isinstance(outcome, Retry) else outcome


def _is_over(claim: Claim) -> bool:
    return claim.is_cancelled or (claim.deadline_left_s is not None and claim.deadline_left_s <= 0)

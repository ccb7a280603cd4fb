"""Race a classical solve against a quantum attempt at the same job: the best verified answer wins.

Whatever the vendor does, the classical answer is there. What is known of the race when a claim has to let go of its
slot is kept with the task, so that whoever claims it next goes on from there.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from quantum_scheduler.backends.load import is_local, list_backends
from quantum_scheduler.jobs.attempt_model import Answered, ClaimLost, Lost, Waiting
from quantum_scheduler.jobs.attempt_quantum import QuantumAttempt
from quantum_scheduler.jobs.model import (
    Cancelled,
    Failed,
    HandedBack,
    Outcome,
    Retry,
    Review,
    Sleep,
    SolveClaim,
    Succeeded,
)
from quantum_scheduler.jobs.pack import unpack_problem
from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.jobs.retry import judge_failure
from quantum_scheduler.jobs.settle import identify
from quantum_scheduler.jobs.solve import Bench, compute_answer, judge_error, recall_answer, solve_claim
from quantum_scheduler.jobs.store import task as store
from quantum_scheduler.solving import attempt
from quantum_scheduler.solving.judge import is_proven, judge_race
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.routing_model import AUTO, CLASSICAL, QUANTUM, Rules
from quantum_scheduler.solving.rules import read_rules

# After the classical answer a quantum one gets so long before the claim lets go of its slot.
LINGER_S = 2.0
# A proven answer needs no other. One that is nearly there is worth comparing, unless the last were late or still are.
GRACE_S = 1.0
OUTRUNS_MAX = 3
STRAYS_MAX = 16
# An attempt that waits at the vendor is given up so long before its job's deadline.
DEADLINE_MARGIN_S = 2.0
# Under this name the task keeps its classical answer while it waits.
KEPT = "classical"

log = structlog.get_logger(__name__)

Tell = Callable[[Mapping[str, Any]], None]


async def race_claim(
    bench: Bench,
    quantum: QuantumBench,
    claim: SolveClaim,
    problem: bytes,
    *,
    on_progress: Tell,
    now: Callable[[], datetime],
) -> Outcome:
    """Solve the packed problem of a claim, with a quantum attempt beside where its job may have one; nothing is raised.

    Cancelling this coroutine stops the work; what a vendor has is found again by the next claim.
    """
    try:
        async with bench.pool.acquire() as conn:
            rules = await read_rules(conn, quantum.environment)
        if not claim.is_remote and not may_race(claim, rules):
            return await solve_claim(bench, claim, problem, on_progress=on_progress)
        document = await unpack_problem(problem)
        request = SolveRequest(
            backend=claim.backend, method=claim.method, time_limit_s=claim.time_limit_s, seed=claim.seed
        )
        known = (claim.payload or {}).get(KEPT)
        if not claim.is_remote and known is None:
            recalled = await recall_answer(bench, claim, request, document)
            if recalled is not None:
                return Succeeded(result=recalled, cached=True)
        trying = QuantumAttempt(
            bench=bench, quantum=quantum, claim=claim, rules=rules, document=document, request=request
        )
        if claim.is_cancelled:
            await trying.stop("cancelled")
            return Cancelled()
        race = _Race(bench=bench, quantum=quantum, claim=claim, trying=trying, on_progress=on_progress, now=now)
        return await race.run(known)
    except ClaimLost:
        return HandedBack()
    except Exception as error:
        return judge_error(bench, claim, error)


def may_race(claim: SolveClaim, rules: Rules) -> bool:
    """Whether a job may have a quantum attempt: not where it names a backend of this machine, or a method of one."""
    asked = claim.backend
    if asked == AUTO:
        return bool(rules.priority) and claim.method == AUTO
    return asked == QUANTUM or (asked != CLASSICAL and asked in list_backends() and not is_local(asked))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Race:
    """One claim's part of a race."""

    bench: Bench
    quantum: QuantumBench
    claim: SolveClaim
    trying: QuantumAttempt
    on_progress: Tell
    now: Callable[[], datetime]

    async def run(self, known: Mapping[str, Any] | None) -> Outcome:
        """Run both sides for as long as this claim may, and judge what came of them."""
        trying = asyncio.create_task(self.trying.run())
        solving = asyncio.create_task(self._solve(known))
        try:
            async with asyncio.timeout(self.claim.deadline_left_s) as deadline:
                classical = await solving
                came = await self._wait_for(trying, classical)
        except TimeoutError:
            if not deadline.expired():
                raise
            answer = known if known is not None else solving.result() if _has_ended(solving) else None
            trying.cancel()
            await asyncio.gather(trying, return_exceptions=True)
            return await self._end_late(answer)
        finally:
            solving.cancel()
            if trying not in self.quantum.strays:
                trying.cancel()
            await asyncio.gather(solving, *({trying} - self.quantum.strays), return_exceptions=True)
        return await self._conclude(classical, came)

    async def _solve(self, known: Mapping[str, Any] | None) -> Mapping[str, Any] | Outcome:
        """The classical answer, or what its failure makes of the job if there is no other."""
        if known is not None:
            return known
        request = replace(self.trying.request, backend=CLASSICAL, method=AUTO)
        try:
            return await compute_answer(
                self.bench, self.claim, request, self.trying.document, on_progress=self.on_progress
            )
        except Exception as error:
            return judge_error(self.bench, self.claim, error)

    async def _wait_for(
        self, trying: "asyncio.Task[Answered | Waiting | Lost]", classical: Mapping[str, Any] | Outcome
    ) -> Answered | Waiting | Lost | None:
        """Wait for the quantum side as long as it is worth it; None where nobody waits for it any more."""
        # One that has waited before is asked once.
        linger_s = LINGER_S if self.claim.handle is None else 0.0
        if self.claim.backend != AUTO:
            await asyncio.wait({trying}, timeout=linger_s)
        elif isinstance(classical, Mapping) and is_proven(classical):
            self.trying.is_last = True
            if not trying.done():
                is_late = self.trying.outruns >= OUTRUNS_MAX or self.quantum.strays or self.quantum.is_troubled()
                await asyncio.wait({trying}, timeout=0.0 if is_late else GRACE_S)
            if not trying.done():
                self._abandon(trying)
                return None
        else:
            self.trying.is_last = isinstance(classical, Mapping)
            await asyncio.wait({trying}, timeout=linger_s)
        self.trying.leave.set()
        return await trying

    def _abandon(self, trying: "asyncio.Task[Answered | Waiting | Lost]") -> None:
        """Let the job go on without its attempt, which is stopped at the vendor when that can be done."""
        self.trying.is_abandoned = True
        strays = self.quantum.strays
        if len(strays) >= STRAYS_MAX:
            return
        stray = asyncio.create_task(self._stop_stray(trying), name=f"stray of {self.claim.job_id}")
        strays.update((trying, stray))
        stray.add_done_callback(strays.discard)
        trying.add_done_callback(strays.discard)

    async def _stop_stray(self, trying: "asyncio.Task[Answered | Waiting | Lost]") -> None:
        self.trying.leave.set()
        try:
            if isinstance(await trying, Waiting):
                await self.trying.stop("outrun")
        except ClaimLost:
            return
        except Exception as error:
            log.warning("attempt.stray_lost", reason=str(error) or type(error).__name__, **identify(self.claim))

    async def _conclude(
        self, classical: Mapping[str, Any] | Outcome, came: Answered | Waiting | Lost | None
    ) -> Outcome:
        answer = classical if isinstance(classical, Mapping) else None
        match came:
            case Answered(backend=backend, attempt_id=attempt_id, result=result):
                best = judge_race(answer, result, asked=self.claim.backend, backend=backend)
                async with self.bench.pool.acquire() as conn:
                    objective = None if answer is None else answer["objective"]
                    await attempt.note_race(conn, attempt_id, objective, best["race"]["winner"])
                return Succeeded(result=best)
            case Waiting(handle=handle, delay_s=delay_s):
                await self._keep(answer)
                return Sleep(until=self.now() + self._cap(delay_s), handle=handle.document())
            case Lost():
                return await self._fall_back(classical, came)
        assert answer is not None, "an attempt is only left behind for an answer"
        return Succeeded(result=self._tell_race(answer, None))

    async def _fall_back(self, classical: Mapping[str, Any] | Outcome, lost: Lost) -> Outcome:
        """Say how a job goes on that no quantum backend has answered."""
        asked, answer = self.claim.backend, classical if isinstance(classical, Mapping) else None
        if asked != AUTO and lost.is_trouble and not lost.is_doubtful and lost.backend in self.trying.tried:
            again = judge_failure(
                lost.kind,
                lost.message,
                failures=self.claim.failures,
                chance=self.bench.chance(),
                retry_after_s=lost.retry_after_s,
            )
            if isinstance(again, Retry) and self._has_time(again.delay_s):
                await self._keep(answer)
                return replace(again, starts_over=True)
        if not self.quantum.falls_back and (lost.is_trouble or asked != AUTO) and not self.trying.rules.classical_only:
            if lost.is_doubtful:
                return Review(message=f"{lost.backend}: {lost.message}; look there for its key")
            return Failed(kind=lost.kind, message=lost.message)
        if answer is None:
            assert not isinstance(classical, Mapping), "it is an answer or what became of it"
            return replace(classical, starts_over=True) if isinstance(classical, Retry) else classical
        return Succeeded(result=self._tell_race(answer, lost))

    async def _end_late(self, classical: Mapping[str, Any] | Outcome | None) -> Outcome:
        """End a job at its deadline, with the classical answer where there is one."""
        late = "the job's deadline came first"
        await self.trying.stop("failed", late)
        if isinstance(classical, Mapping) and self.quantum.falls_back:
            lost = Lost(backend=self.claim.backend, kind="deadline", message=late, is_trouble=True)
            return Succeeded(result=self._tell_race(classical, lost))
        return Failed(kind="deadline", message="it still ran at its deadline and was stopped")

    async def _keep(self, answer: Mapping[str, Any] | None) -> None:
        if answer is not None and self.claim.payload is None:
            async with self.bench.pool.acquire() as conn:
                await store.keep_payload(conn, self.claim.fence, {KEPT: answer})

    def _tell_race(self, answer: Mapping[str, Any], lost: Lost | None) -> Mapping[str, Any]:
        """Add to a classical answer why there is no quantum one beside it."""
        backend = self.claim.backend if lost is None else lost.backend
        told = judge_race(answer, None, asked=self.claim.backend, backend=backend)
        if lost is None:
            return told
        error = {"kind": lost.kind, "message": lost.message}
        return {**told, "race": {**told["race"], "error": error, "is_fallback": lost.is_trouble}}

    def _cap(self, delay_s: float) -> timedelta:
        """Wake early enough to end the job before its deadline."""
        left_s = self.claim.deadline_left_s
        most_s = delay_s if left_s is None else max(0.0, left_s - DEADLINE_MARGIN_S)
        return timedelta(seconds=min(delay_s, most_s))

    def _has_time(self, delay_s: float) -> bool:
        left_s = self.claim.deadline_left_s
        return left_s is None or delay_s + DEADLINE_MARGIN_S < left_s


def _has_ended(solving: "asyncio.Task[Mapping[str, Any] | Outcome]") -> bool:
    return solving.done() and not solving.cancelled() and solving.exception() is None

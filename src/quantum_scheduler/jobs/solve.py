"""Do the work of one claim: recall the answer or have it computed, and say how the job goes on."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import structlog

from quantum_scheduler.backends.model import BackendError
from quantum_scheduler.jobs.model import Claim, Failed, HandedBack, Outcome, SolveClaim, Succeeded
from quantum_scheduler.jobs.pack import unpack_problem
from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.jobs.retry import judge_failure
from quantum_scheduler.jobs.settle import identify
from quantum_scheduler.postgres.connect import Pool, transient
from quantum_scheduler.solving.call import join_parts
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed, ComputeTimedOut, ComputeUnavailable, Executor
from quantum_scheduler.solving.recall import forget_result, recall_result

COMPUTE = "quantum_scheduler.solving.compute:compute"
RECHECK = "quantum_scheduler.solving.recheck:recheck"

# What reading, encoding and verifying the largest problem may take beside the search itself.
OVERTIME_S = 60.0
# Of what is left until the deadline, the search gets so much, so that its answer comes before it.
DEADLINE_SHARE = 0.9
# A worker that cannot start processes should not take the same task up again at once: another may be well.
UNAVAILABLE_PAUSE_S = 5.0
REQUEST_FIELDS = tuple(SolveRequest.__dataclass_fields__)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What work is done with. `chance` gives numbers in [0, 1) that spread the retries.

    Without `quantum` a job is solved in one process of this machine, whatever backend it names.
    """

    pool: Pool
    executor: Executor
    memory_mb: int
    use_cache: bool
    chance: Callable[[], float]
    quantum: QuantumBench | None = None


async def solve_claim(
    bench: Bench, claim: SolveClaim, problem: bytes, *, on_progress: Callable[[Mapping[str, Any]], None]
) -> Outcome:
    """Solve the packed problem of a claim within its limits, and return what became of it; no failure is raised.

    `on_progress` gets elapsed_s, objective and bound. Cancelling this coroutine kills the work.
    """
    deadline: asyncio.Timeout | None = None
    try:
        if claim.deadline_left_s is None:
            return await _solve(bench, claim, problem, on_progress)
        async with asyncio.timeout(claim.deadline_left_s) as deadline:
            return await _solve(bench, claim, problem, on_progress)
    except Exception as error:
        if isinstance(error, TimeoutError) and deadline is not None and deadline.expired():
            return Failed(kind="deadline", message="it still ran at its deadline and was stopped")
        return judge_error(bench, claim, error)


async def _solve(
    bench: Bench, claim: SolveClaim, problem: bytes, on_progress: Callable[[Mapping[str, Any]], None]
) -> Outcome:
    document = await unpack_problem(problem)
    request = SolveRequest(backend=claim.backend, method=claim.method, time_limit_s=claim.time_limit_s, seed=claim.seed)
    recalled = await recall_answer(bench, claim, request, document)
    if recalled is not None:
        return Succeeded(result=recalled, cached=True)
    answer = await compute_document(bench, claim, request, document, on_progress=on_progress)
    return Succeeded(result=json.loads(answer), document=answer)


async def compute_answer(
    bench: Bench,
    claim: SolveClaim,
    request: SolveRequest,
    document: bytes,
    *,
    on_progress: Callable[[Mapping[str, Any]], None],
) -> dict[str, Any]:
    """The answer that `compute_document` writes. Raises what that does."""
    answer: dict[str, Any] = json.loads(
        await compute_document(bench, claim, request, document, on_progress=on_progress)
    )
    return answer


async def compute_document(
    bench: Bench,
    claim: SolveClaim,
    request: SolveRequest,
    document: bytes,
    *,
    on_progress: Callable[[Mapping[str, Any]], None],
) -> str:
    """Have a problem solved in a process, so that its answer, as JSON, comes before the claim's deadline.

    Raises ComputeFailed, ComputeTimedOut, ComputeCrashed, ComputeUnavailable.
    """
    if claim.deadline_left_s is not None:
        time_limit_s = min(claim.time_limit_s, claim.deadline_left_s * DEADLINE_SHARE)
        request = dataclasses.replace(request, time_limit_s=time_limit_s)
    answer = await bench.executor.run(
        COMPUTE,
        join_parts(problem=document, request=_write_request(request)),
        timeout_s=request.time_limit_s + OVERTIME_S,
        memory_mb=bench.memory_mb,
        on_progress=lambda report: on_progress(json.loads(report)),
    )
    return answer.decode()


async def recall_answer(
    bench: Bench, claim: SolveClaim, request: SolveRequest, document: bytes
) -> dict[str, Any] | None:
    """A stored answer, verified again on this very problem; one that does not hold is forgotten."""
    if not (bench.use_cache and claim.use_cache):
        return None
    async with bench.pool.acquire() as conn:
        stored = await recall_result(conn, claim.org_id, claim.fingerprint, request)
    if stored is None:
        return None
    try:
        answer = await bench.executor.run(
            RECHECK,
            join_parts(problem=document, result=json.dumps(stored).encode()),
            timeout_s=OVERTIME_S,
            memory_mb=bench.memory_mb,
        )
        checked: dict[str, Any] | None = json.loads(answer)
    except (ComputeFailed, ComputeTimedOut, ComputeCrashed, ComputeUnavailable) as error:
        log.warning("solution.unchecked", job_id=str(claim.job_id), reason=str(error))
        return None
    if checked is None:
        log.error("solution.refused", job_id=str(claim.job_id), fingerprint=claim.fingerprint)
        async with bench.pool.acquire() as conn:
            await forget_result(conn, claim.org_id, claim.fingerprint, request)
    return checked


def judge_error(bench: Bench, claim: Claim, error: Exception) -> Outcome:
    """Say how it goes on after what the work of a claim has raised."""
    match error:
        case ComputeTimedOut():
            return Failed(kind="timed_out", message=str(error))
        case ComputeUnavailable():
            log.error("executor.unavailable", **identify(claim), reason=str(error))
            return HandedBack(delay_s=UNAVAILABLE_PAUSE_S)
        case ComputeCrashed():
            return judge_failure("crashed", str(error), failures=claim.failures, chance=bench.chance())
        case ComputeFailed(kind=kind) | BackendError(kind=kind):
            return judge_failure(kind, str(error), failures=claim.failures, chance=bench.chance())
    if transient(error):
        log.warning("job.interrupted", **identify(claim), reason=str(error))
        return HandedBack()
    log.error("job.broke", **identify(claim), exc_info=error)
    return Failed(kind="error", message="the worker could not do it; its log says why")


@lru_cache(maxsize=1_000)
def _write_request(request: SolveRequest) -> bytes:
    """The JSON of a request; most jobs ask for the same."""
    return json.dumps({name: getattr(request, name) for name in REQUEST_FIELDS}).encode()

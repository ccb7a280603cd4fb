"""Say what solving a problem would take on each backend, before it is submitted."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from typing import Any

from quantum_scheduler.backends.load import list_backends, load_backend
from quantum_scheduler.backends.model import BackendError, Estimate, Limits
from quantum_scheduler.jobs.read import read_request
from quantum_scheduler.jobs.read_apart import join_answer, run_apart, split_answer
from quantum_scheduler.problems.encode import encode_schedule
from quantum_scheduler.problems.fingerprint import fingerprint
from quantum_scheduler.problems.model import ProblemTooLarge
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import describe_problem
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.solving.port import Executor
from quantum_scheduler.solving.routing_model import AUTO, QUANTUM


async def estimate_apart(executor: Executor, body: bytes) -> dict[str, Any]:
    """Estimate the body of a submission in a process of its own, where the backends' SDKs are imported.

    Returns what an `EstimatesDocument` holds. Raises as `read_request` does.
    """
    return split_answer(await run_apart(executor, f"{__name__}:answer_estimate", body))[0]


def answer_estimate(body: bytes, report: Callable[[bytes], None]) -> bytes:
    """Estimate a submission for the process that asked."""
    return join_answer(lambda: (_estimate_request(body), b""))


def estimate_problem(problem: Problem, limits: Limits, *, backend: str) -> Estimate:
    """Say what solving would take on one backend, which is given a binary model where it cannot take a schedule."""
    try:
        with closing(load_backend(backend)) as place:
            if isinstance(problem, ScheduleProblem) and problem.kind not in place.capabilities().problem_types:
                return place.estimate(encode_schedule(problem).model, limits)
            return place.estimate(problem, limits)
    except (ProblemTooLarge, BackendError) as fault:
        return Estimate(fits=False, seconds=0.0, why=str(fault))
    except ImportError as error:
        return Estimate(fits=False, seconds=0.0, why=f"the backend cannot be loaded: {error}")


def _estimate_request(body: bytes) -> dict[str, Any]:
    options, problem = read_request(body)
    limits = Limits(time_limit_s=options.time_limit_s, seed=options.seed)
    names = list_backends() if options.backend in (AUTO, QUANTUM) else (options.backend,)
    return {
        "problem": describe_problem(problem),
        "fingerprint": fingerprint(problem),
        "estimates": [{"backend": name, **asdict(estimate_problem(problem, limits, backend=name))} for name in names],
    }

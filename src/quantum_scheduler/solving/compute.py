"""Solve one problem from beginning to end, in this process: choose, encode, run, decode, verify."""

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from quantum_scheduler.backends.model import Answer, BackendError, Limits, Progress
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.backends.run import never, run_backend
from quantum_scheduler.problems.decode import decode
from quantum_scheduler.problems.encode import Encoding, encode_schedule
from quantum_scheduler.problems.fingerprint import fingerprint
from quantum_scheduler.problems.model import BinarySolution, Number, ProblemTooLarge, Solution, Verdict
from quantum_scheduler.problems.place import Unplaceable
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import read_document
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.problems.solution import write_solution
from quantum_scheduler.problems.verify import verify
from quantum_scheduler.solving.choose import check_fit, choose_backend
from quantum_scheduler.solving.model import Result, SolveRequest, Status
from quantum_scheduler.solving.result import write_result

# A backend's claim may differ from the recomputed value by what rounding explains.
CLAIM_TOLERANCE = 1e-9
# Candidates of one answer that are decoded and verified, best first.
CANDIDATES_MAX = 100

NOTHING_FOUND = "the search ended without a solution; that there is none is not proven"


def compute(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Solve {"problem", "request"} and return the Result, both as JSON; reports are Progress as JSON."""
    given = json.loads(argument)
    result = solve_problem(
        read_document(json.dumps(given["problem"]).encode()),
        SolveRequest(**given["request"]),
        report=lambda progress: report(json.dumps(asdict(progress)).encode()),
    )
    return json.dumps(write_result(result)).encode()


def solve_problem(
    problem: Problem,
    request: SolveRequest,
    *,
    report: Callable[[Progress], None],
    stopped: Callable[[], bool] = never,
) -> Result:
    """Solve a valid problem within the request's limits, and verify the answer on the problem itself.

    Once `stopped` is true, the search ends with the best it has found so far.

    Raises BackendUnknown, MethodUnknown and BackendError: of kind `too_large` where the problem, or its encoding, is
    more than the backend takes, and of kind `integrity` where the backend claims what is not so.
    """
    began_s = time.monotonic()
    key = f"{fingerprint(problem)}-{request.seed}"
    limits = read_limits(request)
    with closing(choose_backend(request)) as backend:

        def run(model: Problem) -> Answer:
            check_fit(backend, model, limits)
            # Of energies of an encoding nothing is told: they are not in the customer's units.
            tell = report if model is problem else lambda progress: report(Progress(elapsed_s=progress.elapsed_s))
            return run_backend(backend, model, limits, key=key, report=tell, stopped=stopped)

        return answer_problem(backend, problem, request, run, began_s=began_s)


def read_limits(request: SolveRequest) -> Limits:
    """What a request says to the backend."""
    return Limits(
        time_limit_s=request.time_limit_s,
        seed=request.seed,
        threads=request.threads,
        method=request.method,
        target=request.target,
        flips_max=request.flips_max,
    )


def answer_problem(
    backend: Backend, problem: Problem, request: SolveRequest, run: Callable[[Problem], Answer], *, began_s: float
) -> Result:
    """Have `run` answer the problem, or the encoding that the backend takes in its place, and verify what it says.

    `began_s` is a reading of `time.monotonic`. Raises as `solve_problem` does.
    """
    if isinstance(problem, ScheduleProblem) and takes_encoded(backend, problem):
        solved = _solve_encoded(backend, problem, run)
    else:
        solved = _solve_natively(backend, problem, run)
    objective = None if solved.verdict is None else solved.verdict.objective
    bound = objective if solved.status == "optimal" else _cap(solved.bound, objective)
    return Result(
        status=solved.status,
        backend=backend.name,
        seed=request.seed,
        seconds=time.monotonic() - began_s,
        time_limit_s=request.time_limit_s,
        fingerprint=fingerprint(problem),
        verified=solved.verdict is not None,
        reproducible=solved.reproducible,
        solution=None if solved.solution is None else write_solution(solved.solution),
        objective=objective,
        bound=bound,
        gap=measure_gap(objective, bound),
        measures={} if solved.verdict is None else solved.verdict.measures,
        explanation=solved.explanation,
        method=request.method,
        info=solved.info,
    )


def takes_encoded(backend: Backend, problem: Problem) -> bool:
    """Whether a backend is given a binary model in place of the problem."""
    return problem.kind not in backend.capabilities().problem_types


def encode_for(backend: Backend, problem: ScheduleProblem) -> Encoding:
    """Encode a schedule for a backend that takes none. Raises BackendError of kind `too_large`."""
    try:
        return encode_schedule(problem)
    except ProblemTooLarge as error:
        raise BackendError("too_large", f"{backend.name}: {error}") from error


def measure_gap(objective: Number | None, bound: Number | None) -> float | None:
    """Measure how far an objective may be from the best, relative to itself; None where that is not known."""
    return None if objective is None or bound is None else abs(objective - bound) / max(1, abs(objective))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solved:
    """What came of a run: the best solution that holds on the customer's problem, with its verdict, or neither."""

    status: Status
    reproducible: bool
    solution: Solution | None = None
    verdict: Verdict | None = None
    bound: Number | None = None
    explanation: str = ""
    info: Mapping[str, Any]


def _solve_natively(backend: Backend, problem: Problem, run: Callable[[Problem], Answer]) -> _Solved:
    """Run the problem as it is, and believe nothing that does not hold on it."""
    answer = run(problem)
    solution, verdict = _pick(backend, problem, answer)
    info = {name: value for name, value in answer.info.items() if name != "explanation"}
    status: Status = "feasible" if answer.complete else "timed_out"
    if answer.proof == "infeasible":
        status, solution, verdict = "infeasible", None, None
    elif answer.proof == "optimal" and solution is not None:
        status = "optimal"
    elif solution is None:
        status = "timed_out"
    return _Solved(
        status=status,
        reproducible=answer.complete and answer.reproducible,
        solution=solution,
        verdict=verdict,
        bound=answer.bound,
        explanation=str(
            answer.info.get("explanation", NOTHING_FOUND if status == "timed_out" and not solution else "")
        ),
        info=info,
    )


def _solve_encoded(backend: Backend, problem: ScheduleProblem, run: Callable[[Problem], Answer]) -> _Solved:
    """Run the schedule's encoding and decode what comes back; what is claimed or proven of energies ends here."""
    encoding = encode_for(backend, problem)
    answer = run(encoding.model)
    _pick(backend, encoding.model, answer)
    variables = len(encoding.choices)
    info = {**answer.info, "encoding": f"assignment QUBO, {variables} variables, decoded by list schedule"}
    best: tuple[Solution, Verdict] | None = None
    why, proven = NOTHING_FOUND, False
    for candidate in answer.solutions[:CANDIDATES_MAX]:
        assert isinstance(candidate, BinarySolution)
        try:
            schedule = decode(encoding, candidate.values)
        except Unplaceable as error:
            why, proven = str(error), proven or error.proven
        else:
            best = _better(best, (schedule, verify(problem, schedule)))
    if best is None:
        status: Status = "infeasible" if proven else "timed_out"
        return _Solved(status=status, reproducible=answer.complete and answer.reproducible, explanation=why, info=info)
    return _Solved(
        status="feasible" if answer.complete else "timed_out",
        reproducible=answer.complete and answer.reproducible,
        solution=best[0],
        verdict=best[1],
        explanation="the backend chose who does what, and a list schedule chose when",
        info=info,
    )


def _pick(backend: Backend, model: Problem, answer: Answer) -> tuple[Solution, Verdict] | tuple[None, None]:
    """Verify the candidates on the model that was run and pick the best.

    Raises BackendError of kind `integrity` where none of them holds, or where the claimed objective is another.
    """
    best: tuple[Solution, Verdict] | None = None
    for candidate in answer.solutions[:CANDIDATES_MAX]:
        best = _better(best, (candidate, verify(model, candidate)))
    if best is None:
        if not answer.solutions:
            return None, None
        wrong = verify(model, answer.solutions[0]).violations[0]
        raise BackendError("integrity", f"{backend.name} answered with a solution that does not hold: {wrong}")
    claimed, objective = answer.claimed_objective, best[1].objective
    if claimed is not None and objective is not None and not _is_close(claimed, objective):
        raise BackendError("integrity", f"{backend.name} claimed {claimed}, which recomputes to {objective}")
    bound = answer.bound
    if bound is not None and objective is not None and bound > objective and not _is_close(bound, objective):
        raise BackendError("integrity", f"{backend.name} claimed the bound {bound}, and {objective} is feasible")
    return best


def _better(
    best: tuple[Solution, Verdict] | None, candidate: tuple[Solution, Verdict]
) -> tuple[Solution, Verdict] | None:
    """Take the candidate where it is feasible and of a smaller objective."""
    verdict = candidate[1]
    if not verdict.feasible or verdict.objective is None:
        return best
    if best is not None and best[1].objective is not None and best[1].objective <= verdict.objective:
        return best
    return candidate


def _is_close(claimed: Number, objective: Number) -> bool:
    return math.isclose(claimed, objective, rel_tol=CLAIM_TOLERANCE, abs_tol=CLAIM_TOLERANCE)


def _cap(bound: Number | None, objective: Number | None) -> Number | None:
    """Take off a bound what rounding put on top of the objective."""
    return bound if bound is None or objective is None else min(bound, objective)

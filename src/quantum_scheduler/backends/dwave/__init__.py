"""D-Wave: the annealer through an embedding, and Leap's hybrid solvers of binary and of constrained models."""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any, Literal, TypeVar

from quantum_scheduler.backends.dwave import hybrid, qpu
from quantum_scheduler.backends.dwave.access import (
    Access,
    judge_message,
    read_access,
    refusal,
    silence_debugging,
    translated,
)
from quantum_scheduler.backends.dwave.check import check_solvers
from quantum_scheduler.backends.dwave.choose import Route, choose_routes, find_solver, read_mode
from quantum_scheduler.backends.dwave.price import price_seconds
from quantum_scheduler.backends.fit import explain_misfit
from quantum_scheduler.backends.model import (
    Answer,
    BackendError,
    Capabilities,
    ErrorKind,
    Estimate,
    Handle,
    Health,
    Limits,
    Poll,
)
from quantum_scheduler.backends.within import call_within
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.schedule import ScheduleProblem

# As D-Wave states for its hybrid solver of binary models, and about what a QPU has qubits for.
HYBRID_VARIABLES_MAX = 1_000_000
QPU_VARIABLES_MAX = 4_400
# Each call to this class ends within its time. `submit` embeds and uploads.
SUBMIT_TIMEOUT_S = 90.0
RESULT_TIMEOUT_S = 45.0
CALL_TIMEOUT_S = 20.0
# From submission to answer, beside the solving itself.
OVERHEAD_S = 5.0

ROUTES: dict[str, Route] = {"ising": "qpu", "bqm": "bqm", "cqm": "cqm"}
STATES: dict[str, Literal["queued", "done", "failed", "cancelled"]] = {
    "PENDING": "queued",
    "COMPLETED": "done",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}
TOO_MANY = 429

T = TypeVar("T")


class DWaveBackend:
    """The account that DWAVE_API_TOKEN belongs to. DWAVE_MODE says which solvers it may use."""

    name = "dwave"
    sdk = ("dwave.cloud.solver", "dwave.cloud.coders", "dwave.embedding", "dwave.graphs", "minorminer.busclique")

    def __init__(self) -> None:
        self._mode = read_mode()

    def capabilities(self) -> Capabilities:
        """Say that binary models fit, and that schedules do where the solver of constraints may be used."""
        schedules = self._mode in ("auto", "cqm")
        return Capabilities(
            problem_types=frozenset({"binary", "schedule"} if schedules else {"binary"}),
            variables_max=QPU_VARIABLES_MAX if self._mode == "qpu" else HYBRID_VARIABLES_MAX,
            is_quantum=True,
            cancel="queued",
            idempotent_submit="search",
        )

    def estimate(self, problem: Problem, limits: Limits) -> Estimate:
        """Say what D-Wave would charge for, and what that costs where the contract's price is known."""
        why = explain_misfit(problem, self.capabilities())
        route = None if why else choose_routes(self._mode, problem)[0]
        if route == "qpu":
            unit, solving_s = "qpu_access_s", qpu.estimate_access_s()
        else:
            least_s = hybrid.CQM_TIME_MIN_S if route == "cqm" else hybrid.BQM_TIME_MIN_S
            unit, solving_s = "hybrid_s", max(least_s, limits.time_limit_s)
        return Estimate(
            fits=not why,
            seconds=OVERHEAD_S + solving_s,
            qpu_seconds=solving_s,
            cost_usd=price_seconds(unit, solving_s),
            billable={unit: solving_s},
            why=why,
        )

    def health(self, timeout_s: float) -> Health:
        """Ask which solvers are online."""
        try:
            access = read_access()
        except BackendError as error:
            return Health(status="down", error=error.kind, message=str(error))
        return check_solvers(access, self._mode, timeout_s)

    def submit(self, problem: Problem, limits: Limits, *, key: str) -> Handle:
        """Choose a solver, embed or upload, and submit with the key as the problem's label."""
        routes = choose_routes(self._mode, problem)
        return _ask(SUBMIT_TIMEOUT_S, lambda access: _submit(access, routes, problem, limits, key))

    def recover(self, key: str) -> Handle | None:
        """Search for the problem with this label."""
        return _ask(CALL_TIMEOUT_S, lambda access: _search(access, key))

    def poll(self, handle: Handle) -> Poll:
        """Ask how the problem stands."""
        problem_id = _read_id(handle)
        state = _ask(CALL_TIMEOUT_S, lambda access: _read_state(access, problem_id))
        return Poll(state=STATES.get(state, "running"))

    def result(self, handle: Handle, problem: Problem) -> Answer:
        """Fetch, decode and check the answer."""
        _read_id(handle)
        return _ask(RESULT_TIMEOUT_S, lambda access: _fetch(access, handle, problem))

    def cancel(self, handle: Handle) -> None:
        """Cancel the problem if it still waits; one that has ended stays as it is."""
        problem_id = _read_id(handle)
        _ask(CALL_TIMEOUT_S, lambda access: _cancel(access, problem_id))

    def close(self) -> None:
        """Do nothing: no connection outlives its call."""


def _read_id(handle: Handle) -> str:
    problem_id = handle.get("problem")
    if not isinstance(problem_id, str) or handle.get("route") not in ROUTES.values():
        raise BackendError("job_failed", "dwave: this is no handle of a submission to D-Wave")
    return problem_id


def _ask(timeout_s: float, call: Callable[[Access], T]) -> T:
    """Call with the account's credentials; whatever happens, it ends in time and raises BackendError only."""
    access = read_access()

    def call_translated() -> T:
        with translated(access):
            silence_debugging()
            return call(access)

    return call_within(timeout_s, call_translated, what="dwave")


def _open_problems(access: Access) -> Any:
    from dwave.cloud.api import Problems  # noqa: PLC0415  a backend that is not used costs nothing

    return Problems(**access.client_options())


def _open_solvers(access: Access) -> Any:
    from dwave.cloud.api import Solvers  # noqa: PLC0415

    return Solvers(**access.client_options())


def _submit(access: Access, routes: tuple[Route, ...], problem: Problem, limits: Limits, key: str) -> Handle:
    with closing(_open_solvers(access)) as solvers:
        route, name = find_solver(solvers, routes, access)
        definition = solvers.get_solver(name)
        if route == "qpu":
            assert isinstance(problem, BinaryProblem)
            embedded = qpu.embed_problem(problem, definition.properties)
            if embedded is not None:
                problem_id = _send(access, qpu.write_job(embedded, definition, key))
                chains = {"chains": embedded.chains, "offset": embedded.offset}
                return {"problem": problem_id, "route": route, "solver": name, **chains}
            if routes[-1] == "qpu":
                raise refusal("too_large", f"the model does not fit into the graph of {name}", access)
            route, name = find_solver(solvers, routes[1:], access)
            definition = solvers.get_solver(name)
    model = _write_model(route, problem)
    params = hybrid.write_params(model, definition.properties, limits, access)
    uploaded = hybrid.upload_model(model, access)
    problem_id = _send(access, hybrid.write_job(uploaded, definition, route, params, key))
    return {"problem": problem_id, "route": route, "solver": name}


def _write_model(route: Route, problem: Problem) -> "hybrid.Model":
    if isinstance(problem, ScheduleProblem):
        return hybrid.write_constrained(hybrid.encode_crews(problem))
    return hybrid.write_unconstrained(problem) if route == "cqm" else hybrid.write_bqm(problem)


def _send(access: Access, job: Any) -> str:
    """Submit and return the problem's id. Raises BackendError where D-Wave refuses it."""
    with closing(_open_problems(access)) as problems:
        (submitted,) = problems.submit_problems([job])
    if hasattr(submitted, "error_msg"):
        kind: ErrorKind = "rate_limit" if submitted.error_code == TOO_MANY else "job_failed"
        raise refusal(judge_message(submitted.error_msg, kind), submitted.error_msg, access)
    problem_id: str = submitted.id
    return problem_id


def _search(access: Access, key: str) -> Handle | None:
    with closing(_open_problems(access)) as problems:
        found = [status for status in problems.list_problems(label=key) if status.label == key]
    if not found:
        return None
    latest = max(found, key=lambda status: status.submitted_on)
    return {"problem": latest.id, "route": ROUTES[latest.type.value], "solver": latest.solver.name}


def _read_state(access: Access, problem_id: str) -> str:
    with closing(_open_problems(access)) as problems:
        return str(problems.get_problem_status(problem_id).status.value)


def _cancel(access: Access, problem_id: str) -> None:
    from dwave.cloud.api.exceptions import ResourceConflictError  # noqa: PLC0415

    with closing(_open_problems(access)) as problems:
        if problems.get_problem_status(problem_id).status.value in ("PENDING", "IN_PROGRESS"):
            with suppress(ResourceConflictError):  # it has ended in the meantime
                problems.cancel_problem(problem_id)


def _fetch(access: Access, handle: Handle, problem: Problem) -> Answer:
    with closing(_open_problems(access)) as problems:
        status = problems.get_problem(handle["problem"])
    state = status.status.value
    if state == "FAILED":
        message = getattr(status, "error_message", None) or "the problem failed"
        raise refusal(judge_message(message, "job_failed"), message, access)
    if state != "COMPLETED" or status.answer is None:
        raise refusal("job_failed" if state == "CANCELLED" else "unavailable", f"the problem is {state}", access)
    if isinstance(problem, ScheduleProblem):
        return hybrid.read_schedule(hybrid.encode_crews(problem), status)
    if handle["route"] != "qpu":
        return hybrid.read_binary(problem, status)
    chains, offset = handle.get("chains"), handle.get("offset")
    if chains is None or offset is None:
        chains, offset = _embed_again(access, handle, problem)
    return qpu.read_answer(problem, status, chains, offset, access)


def _embed_again(access: Access, handle: Handle, problem: BinaryProblem) -> tuple[Sequence[Sequence[int]], float]:
    """Find the embedding of a recovered submission: the same model on the same graph has the same."""
    with closing(_open_solvers(access)) as solvers:
        definition = solvers.get_solver(handle["solver"])
    embedded = qpu.embed_problem(problem, definition.properties)
    if embedded is None:
        raise refusal("job_failed", "the embedding of the recovered problem is not found again", access)
    return embedded.chains, embedded.offset

"""D-Wave's Solver API on loopback: a small Zephyr annealer and Leap's hybrid solvers, simulated by annealing.

The routes are those that `dwave-cloud-client` uses; the problems it sends are decoded, solved and answered in its own
formats. `dwave.cloud.testing.mocks` describes the solvers.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from quantum_scheduler.testing.background import Background
from quantum_scheduler.testing.dwave_problem import describe_solvers, solve_sent
from quantum_scheduler.testing.dwave_upload import Uploads
from quantum_scheduler.testing.faults import SLOW_S, Fault, FaultSwitch
from quantum_scheduler.testing.loopback import ConnectionDropped, LoopbackHttp, Reply, Request, reply_json
from quantum_scheduler.testing.port import Submission

TOKEN = "DEV-loopback-0123456789"  # noqa: S105  it opens nothing but this server
RETRY_AFTER_S = 7
# So long an answer about a problem waits for its end.
SOLVE_WAIT_S = 1.0
QUOTA_SPENT = "Problem not accepted because user has insufficient remaining solver access time in project loopback"
MEDIA = "application/vnd.dwave.sapi"


@dataclass(kw_only=True)
class _Problem:
    """A problem that was submitted, and what became of it."""

    id: str
    body: Mapping[str, Any]
    submitted_on: str
    status: str = "PENDING"
    solved_on: str | None = None
    error_message: str | None = None
    work: Background[dict[str, Any]] = field(default_factory=Background)


class DwaveServer:
    """A stand-in for D-Wave's cloud."""

    name = "dwave"

    def __init__(self) -> None:
        self.switch = FaultSwitch()
        self._http = LoopbackHttp(self._answer, name="vendors.dwave")
        self._stopping = threading.Event()
        self._problems: dict[str, _Problem] = {}
        self._uploads = Uploads()

    def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any that is free."""
        self._stopping.clear()
        self._http.start(port)

    def environment(self) -> Mapping[str, str]:
        """Point the SDK and the adapter here, and nowhere else."""
        return {
            "DWAVE_API_ENDPOINT": f"{self._http.url}/sapi/v2/",
            "DWAVE_API_TOKEN": TOKEN,
            "DWAVE_CONFIG_FILE": "/dev/null",
            "DWAVE_CACHE_HOME": "off",
        }

    def submissions(self) -> tuple[Submission, ...]:
        """List the problems, oldest first."""
        return tuple(Submission(vendor_id=each.id, key=each.body.get("label")) for each in self._problems.values())

    def stop(self) -> None:
        """Stop listening and forget everything; safe to repeat."""
        self.switch.set("none")  # who waits for the end of a fault goes on
        self._stopping.set()
        self._http.stop()
        self._problems.clear()
        self._uploads.clear()

    def _answer(self, request: Request) -> Reply:
        fault = self.switch.fault()
        refused = self._refuse(request, fault)
        if refused is not None:
            return refused
        parts = request.path.removeprefix("/sapi/v2/").strip("/").split("/")
        match parts:
            case ["solvers", "remote", *name]:
                return self._tell_solvers(request, fault, name)
            case ["problems", *problem_id]:
                return self._answer_problems(request, problem_id, fault)
            case ["bqm", "multipart", *rest]:
                return self._uploads.answer(request, rest)
            case _:
                return _error(404, "Not found")

    def _answer_problems(self, request: Request, problem_id: list[str], fault: Fault) -> Reply:
        match request.method, problem_id:
            case "POST", []:
                return self._take(request, fault)
            case "GET", []:
                return self._list(request, fault)
            case "GET", [one]:
                return self._tell(request, one, fault)
            case "DELETE", [one]:
                return self._cancel(request, one)
            case _:
                return _error(404, "Not found")

    def _refuse(self, request: Request, fault: Fault) -> Reply | None:
        """Answer for the faults that hit every request."""
        if fault == "dropped":
            raise ConnectionDropped
        if fault == "slow":
            self._stopping.wait(SLOW_S)
        if fault == "auth" or request.headers.get("x-auth-token") != TOKEN:
            return _error(401, "Invalid token or access denied")
        if fault == "rate_limit":
            return _error(429, "Too many requests", headers={"Retry-After": str(RETRY_AFTER_S)})
        return _error(500, "Internal SAPI error") if fault == "server_error" else None

    def _tell_solvers(self, request: Request, fault: Fault, name: list[str]) -> Reply:
        solvers = describe_solvers(request.query.get("filter"), online=fault != "offline", name="".join(name) or None)
        if not name:
            return _versioned(solvers, request)
        return _versioned(solvers[0], request) if solvers else _error(404, f"No solver is called {name[0]}")

    def _take(self, request: Request, fault: Fault) -> Reply:
        """Take problems; the answer to a list is a list, with an error in place of each that is refused."""
        sent = request.json()
        bodies = sent if isinstance(sent, list) else [sent]
        if fault == "quota":
            return _versioned([{"error_code": 400, "error_msg": QUOTA_SPENT} for _ in bodies], request)
        if fault == "offline":
            return _versioned([{"error_code": 400, "error_msg": "Solver is offline"} for _ in bodies], request)
        taken = []
        for body in bodies:
            problem = _Problem(id=str(uuid4()), body=body, submitted_on=_now())
            self._problems[problem.id] = problem
            taken.append(_tell_status(problem))
        self.switch.outlast("late")
        return _versioned(taken if isinstance(sent, list) else taken[0], request)

    def _list(self, request: Request, fault: Fault) -> Reply:
        wanted, label = request.query.get("id"), request.query.get("label")
        found = [
            each
            for each in list(self._problems.values())
            if (wanted is None or each.id in wanted.split(",")) and label in (None, each.body.get("label"))
        ]
        if wanted is not None and not found:
            return _error(404, "Problem does not exist")
        for problem in found:
            self._solve(problem, fault)
        return _versioned([_tell_status(problem) for problem in found], request)

    def _tell(self, request: Request, problem_id: str, fault: Fault) -> Reply:
        problem = self._problems.get(problem_id)
        if problem is None:
            return _error(404, "Problem does not exist")
        self._solve(problem, fault)
        answer = {"answer": problem.work.result} if problem.status == "COMPLETED" else {}
        return _versioned({**_tell_status(problem), **answer}, request)

    def _cancel(self, request: Request, problem_id: str) -> Reply:
        problem = self._problems.get(problem_id)
        if problem is None:
            return _error(404, "Problem does not exist")
        if problem.status in ("PENDING", "IN_PROGRESS"):
            problem.status = "CANCELLED"
        return _versioned(_tell_status(problem), request)

    def _solve(self, problem: _Problem, fault: Fault) -> None:
        """Begin to solve the first time somebody asks, unless it is stuck; wait a moment for the end."""
        if problem.status == "PENDING" and fault == "job_failed":
            problem.status, problem.error_message = "FAILED", "An internal error occurred while solving"
        elif problem.status == "PENDING" and fault != "stuck":
            problem.status = "IN_PROGRESS"
            wrong = fault == "wrong_energy"
            problem.work.begin(lambda: solve_sent(problem.body, self._uploads.read, wrong=wrong))
        if problem.status == "IN_PROGRESS" and problem.work.wait(SOLVE_WAIT_S):
            problem.status = "FAILED" if problem.work.error else "COMPLETED"
            problem.error_message = problem.work.error or None
            problem.solved_on = _now()


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _tell_status(problem: _Problem) -> dict[str, Any]:
    told = {
        "id": problem.id,
        "type": problem.body["type"],
        "solver": problem.body["solver"],
        "label": problem.body.get("label"),
        "status": problem.status,
        "submitted_on": problem.submitted_on,
        "solved_on": problem.solved_on,
    }
    return told if problem.error_message is None else {**told, "error_message": problem.error_message}


def _versioned(document: Any, request: Request) -> Reply:
    """Answer in the format and version that the client asked for."""
    return reply_json(document, headers={"Content-Type": request.headers.get("accept", f"{MEDIA}+json")})


def _error(status: int, message: str, *, headers: Mapping[str, str] | None = None) -> Reply:
    return reply_json({"error_code": status, "error_msg": message}, status=status, headers=headers)

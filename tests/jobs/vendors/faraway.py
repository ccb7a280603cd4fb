"""Two quantum backends far away: their state is a folder, so that any process finds what another has submitted.

`FARAWAY` names the folder. A file `NAME.fault` in it says what is wrong with the backend; each submission is a file.
"""

import json
import os
import time
from itertools import product
from pathlib import Path
from uuid import uuid4

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.model import (
    Answer,
    BackendError,
    Capabilities,
    Estimate,
    Handle,
    Health,
    Limits,
    Poll,
)
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import BinarySolution
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.verify import verify

REFUSALS = {"rate_limit", "unavailable", "timeout", "offline", "quota", "auth", "invalid"}
VARIABLES_MAX = 12
COST_USD = 0.3
# What the quantum computer is expected to take, and what it does take.
QPU_EXPECTED_S = 0.5
QPU_TAKEN_S = 0.02


class Searching:
    name = "searching"
    recovers = True

    def capabilities(self) -> Capabilities:
        return Capabilities(
            problem_types=frozenset({"binary"}),
            variables_max=VARIABLES_MAX,
            is_quantum=True,
            cancel="best_effort",
            idempotent_submit="search" if self.recovers else "none",
        )

    def estimate(self, problem: Problem, limits: Limits) -> Estimate:
        assert isinstance(problem, BinaryProblem)
        fits = len(problem.labels) <= VARIABLES_MAX
        return Estimate(
            fits=fits,
            seconds=0.5,
            qpu_seconds=QPU_EXPECTED_S,
            cost_usd=COST_USD,
            why="" if fits else "too many variables",
        )

    def health(self, timeout_s: float) -> Health:
        fault = self._fault()
        if credential("FARAWAY_KEY") == "wrong":
            return Health(status="down", error="auth", message="the key wrong is not ours")
        return Health(status="down", error="offline", message=fault) if fault else Health(status="up", queue_depth=2)

    def submit(self, problem: Problem, limits: Limits, *, key: str) -> Handle:
        fault = self._fault()
        if fault in REFUSALS:
            key_shown = credential("FARAWAY_KEY") or "none"
            retry_after_s = 0.2 if fault == "rate_limit" else None
            raise BackendError(fault, f"no, with key {key_shown}", retry_after_s=retry_after_s)  # type: ignore[arg-type]
        if fault == "hang":
            time.sleep(60)
        job = f"{self.name}-{uuid4().hex}"
        draft = _folder() / f"{job}.draft"
        draft.write_text(json.dumps({"key": key, "pid": os.getpid()}))
        draft.rename(_folder() / f"{job}.job")  # so that nobody reads half of it
        if fault == "dropped":
            os._exit(1)
        if fault == "late":
            time.sleep(60)
        return {"job": job}

    def recover(self, key: str) -> Handle | None:
        if self.recovers:
            for path in _folder().glob(f"{self.name}-*.job"):
                if json.loads(path.read_text())["key"] == key:
                    return {"job": path.stem}
        return None

    def poll(self, handle: Handle) -> Poll:
        if not (_folder() / f"{handle['job']}.job").exists():
            raise BackendError("invalid", "there is no such job")
        if (_folder() / f"{handle['job']}.cancelled").exists():
            return Poll(state="cancelled")
        fault = self._fault()
        if fault == "stuck":
            return Poll(state="queued", queue_position=7)
        if fault == "mute":
            raise BackendError("unavailable", "nobody is there")
        return Poll(state="failed" if fault == "job_failed" else "done")

    def result(self, handle: Handle, problem: Problem) -> Answer:
        assert isinstance(problem, BinaryProblem)
        fault = self._fault()
        if fault == "job_failed":
            raise BackendError("job_failed", "the device broke")
        values = (0, 1) if problem.vartype == "BINARY" else (-1, 1)
        states = [
            BinarySolution(values=dict(zip(problem.labels, state, strict=True)))
            for state in product(values, repeat=len(problem.labels))
        ]
        ranked = sorted(states, key=lambda state: verify(problem, state).measures["energy"])
        best = ranked[-1] if fault == "worse" else ranked[0]
        energy = verify(problem, best).measures["energy"]
        return Answer(
            solutions=(best,),
            complete=False,
            claimed_objective=energy - 1 if fault == "wrong_energy" else energy,
            info={"qpu_seconds": QPU_TAKEN_S} if self.recovers else {},
        )

    def cancel(self, handle: Handle) -> None:
        (_folder() / f"{handle['job']}.cancelled").touch()

    def close(self) -> None:
        pass

    def _fault(self) -> str:
        path = _folder() / f"{self.name}.fault"
        return path.read_text() if path.exists() else ""


class Forgetful(Searching):
    name = "forgetful"
    recovers = False


def _folder() -> Path:
    return Path(os.environ["FARAWAY"])

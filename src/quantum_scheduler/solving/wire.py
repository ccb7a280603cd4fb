"""What is said to a vendor, each in one call in a process of its own, where the vendor's SDK is imported.

An argument is JSON with `backend` and `credentials`; what is answered is JSON too. What the adapter raises comes back
as `error`, with every credential blotted out of its message.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Any

from quantum_scheduler.backends.check import check_backend
from quantum_scheduler.backends.credentials import list_secrets, use_credentials
from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.backends.model import Answer, BackendError
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import read_document
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.solving.choose import check_fit
from quantum_scheduler.solving.compute import answer_problem, encode_for, read_limits, solve_problem, takes_encoded
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.result import write_result

MESSAGE_LENGTH_MAX = 1_000
# Shorter ones would blot out half a sentence, and are no secrets.
SECRET_LENGTH_MIN = 4

Said = dict[str, Any]


def appraise(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Say of {"problem", "request"} whether it fits, and what it would cost and take, without submitting it."""

    def ask(backend: Backend, given: Said) -> Said:
        problem, request = _read(given)
        estimate = backend.estimate(_as_taken(backend, problem), read_limits(request))
        return {
            "fits": estimate.fits,
            "seconds": estimate.seconds,
            "qpu_seconds": estimate.qpu_seconds,
            "cost_usd": estimate.cost_usd,
            "why": estimate.why,
        }

    return _answer(argument, ask)


def submit(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Submit {"problem", "request"} under {"key"} and return its `handle`."""

    def ask(backend: Backend, given: Said) -> Said:
        problem, request = _read(given)
        model, limits = _as_taken(backend, problem), read_limits(request)
        check_fit(backend, model, limits)
        return {"handle": dict(backend.submit(model, limits, key=given["key"]))}

    return _answer(argument, ask)


def solve(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Have {"problem", "request"} solved from beginning to end, where the backend lives in this process."""

    def ask(backend: Backend, given: Said) -> Said:
        problem, request = _read(given)
        return {"result": write_result(solve_problem(problem, request, report=lambda progress: None))}

    return _answer(argument, ask)


def recover(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Find the `handle` of what may have been submitted under {"key"}; `means` says how far that can be told."""

    def ask(backend: Backend, given: Said) -> Said:
        handle = backend.recover(given["key"])
        means = backend.capabilities().idempotent_submit
        return {"handle": None if handle is None else dict(handle), "means": means}

    return _answer(argument, ask)


def poll(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Say where {"handle"} stands: its `state` and `queue_position`."""

    def ask(backend: Backend, given: Said) -> Said:
        said = backend.poll(given["handle"])
        return {"state": said.state, "queue_position": said.queue_position}

    return _answer(argument, ask)


def fetch(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Fetch what {"handle"} came to, verify it on {"problem"} and return the `result`."""

    def ask(backend: Backend, given: Said) -> Said:
        problem, request = _read(given)

        def run(model: Problem) -> Answer:
            return backend.result(given["handle"], model)

        result = answer_problem(backend, problem, request, run, began_s=time.monotonic())
        return {"result": write_result(result)}

    return _answer(argument, ask)


def cancel(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Stop {"handle"} if the vendor still can."""

    def ask(backend: Backend, given: Said) -> Said:
        backend.cancel(given["handle"])
        return {}

    return _answer(argument, ask)


def check(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Ask how the backend is, for {"timeout_s"}, and return its `health`."""
    given: Said = json.loads(argument)
    with use_credentials(given["credentials"]):
        health = check_backend(given["backend"], timeout_s=given["timeout_s"])
        told = asdict(health) | {
            "message": _blot_out_all(health.message),
            "quotas": [quota.document() for quota in health.quotas],
        }
    return json.dumps({"health": told}).encode()


def _answer(argument: bytes, ask: Callable[[Backend, Said], Said]) -> bytes:
    """Ask the backend with its credentials; whatever it raises is said rather than raised."""
    given: Said = json.loads(argument)
    with use_credentials(given["credentials"]):
        try:
            with closing(load_backend(given["backend"])) as backend:
                said = ask(backend, given)
        except BackendError as error:
            said = _tell(error.kind, str(error), error.retry_after_s)
        except MemoryError:
            raise
        except Exception as error:
            # An adapter that breaks its port is as good as one whose vendor is away.
            said = _tell("unavailable", f"{type(error).__name__}: {error}", None)
    return json.dumps(said).encode()


def _tell(kind: str, message: str, retry_after_s: float | None) -> Said:
    return {"error": {"kind": kind, "message": _blot_out_all(message), "retry_after_s": retry_after_s}}


def _blot_out_all(message: str) -> str:
    """Take every credential that an adapter could read here out of what it says."""
    return blot_out(message, list_secrets())[:MESSAGE_LENGTH_MAX]


def blot_out(text: str, credentials: Mapping[str, str]) -> str:
    """Put its name in place of every credential in a text, and the text on one line."""
    for name, value in sorted(credentials.items(), key=lambda each: -len(each[1])):
        if len(value) >= SECRET_LENGTH_MIN:
            text = text.replace(value, f"<{name}>")
    return " ".join(text.split())


def _read(given: Said) -> tuple[Problem, SolveRequest]:
    return read_document(json.dumps(given["problem"]).encode()), SolveRequest(**given["request"])


def _as_taken(backend: Backend, problem: Problem) -> Problem:
    """The problem as the backend takes it."""
    if isinstance(problem, ScheduleProblem) and takes_encoded(backend, problem):
        return encode_for(backend, problem).model
    return problem

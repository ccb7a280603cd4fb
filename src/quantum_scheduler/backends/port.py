"""The port of a backend. An adapter is one class with these methods, named by an entry point.

Entry points of the group `quantum_scheduler.backends` map a backend's name to its class, which takes no arguments. A
class may name in `sdk`, a tuple, the modules that its calls import: workers then do that once, and beforehand.
"""

from typing import Protocol

from quantum_scheduler.backends.model import (
    Answer,
    Capabilities,
    Estimate,
    Handle,
    Health,
    Limits,
    Poll,
)
from quantum_scheduler.problems.problem import Problem


class Backend(Protocol):
    """A place that solves problems: submit, poll, fetch. Every method raises `BackendError` and nothing else."""

    name: str

    def capabilities(self) -> Capabilities:
        """Say what it can take, without talking to anyone."""
        ...

    def estimate(self, problem: Problem, limits: Limits) -> Estimate:
        """Say what solving would cost and take."""
        ...

    def health(self, timeout_s: float) -> Health:
        """Ask the backend, as cheaply as it allows and within `timeout_s`, whether it would take a job."""
        ...

    def submit(self, problem: Problem, limits: Limits, *, key: str) -> Handle:
        """Hand the problem over under `key` and return at once."""
        ...

    def recover(self, key: str) -> Handle | None:
        """Find what was submitted under `key` by a process that died before it could write the handle down."""
        ...

    def poll(self, handle: Handle) -> Poll:
        """Say where the submission stands."""
        ...

    def result(self, handle: Handle, problem: Problem) -> Answer:
        """Fetch the answer of a submission that is done."""
        ...

    def cancel(self, handle: Handle) -> None:
        """Stop the submission if the backend can; a local backend then answers with its best so far."""
        ...

    def close(self) -> None:
        """Let go of connections and threads."""
        ...

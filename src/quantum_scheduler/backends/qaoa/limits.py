"""What one layer of QAOA is still worth running for, and how often."""

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.model import BackendError
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem

# Each pair term is two entangling gates or more, of which one in a few hundred fails: with this many, all is noise.
PAIRS_MAX = 1_000


def explain_density(problem: Problem) -> str:
    """Say why the problem has too many pair terms for a circuit; nothing where it has not."""
    if isinstance(problem, BinaryProblem) and len(problem.head) > PAIRS_MAX:
        return f"the model has {len(problem.head):,} pair terms and a circuit takes {PAIRS_MAX:,}"
    return ""


def read_shots(name: str, *, default: int, most: int) -> int:
    """Read a number of shots from the environment. Raises BackendError where it is none."""
    text = credential(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise BackendError("unavailable", f"{name} is {text!r}; it may be a whole number from 1 to {most:,}")
    return int(text)

"""The nouns of a solve: what is asked of it and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from quantum_scheduler.problems.model import Number

Status = Literal["optimal", "feasible", "infeasible", "timed_out"]

TIME_LIMIT_MIN_S = 0.01
TIME_LIMIT_MAX_S = 3600.0
SEED_MAX = 2**31 - 1
THREADS_MAX = 256
METHOD_LENGTH_MAX = 40
FLIPS_MAX = 10**15
# Beyond every objective, and a double.
TARGET_MAX = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRequest:
    """What a customer asks of a solve besides the problem itself. `backend` and `method` are a name, or `auto`.

    `target` and `flips_max` are as in `Limits`.
    """

    backend: str = "auto"
    time_limit_s: float = 10.0
    seed: int = 0
    threads: int = 1
    method: str = "auto"
    target: Number | None = None
    flips_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A verified answer.

    `status`: `optimal` is proven; `feasible` is the end of the whole search without a proof; `timed_out` is the best
    found when the limits ended the search, and its `solution` is None where nothing was found; `infeasible` is the
    proof that no solution exists, and `explanation` says why.
    `method` is what was asked for; `info` says which it became.
    `objective`, `bound` and `gap` = |objective - bound| / max(1, |objective|) are in the customer's own units;
    `objective` was recomputed on the customer's own model, so `verified` is True whenever there is a solution.
    `race` is empty unless a quantum backend was asked: then it holds the `backend`, the `winner`, what each side
    answered under `quantum` and `classical`, or else why it did not.
    """

    status: Status
    backend: str
    seed: int
    seconds: float
    time_limit_s: float
    fingerprint: str
    verified: bool
    reproducible: bool
    solution: Mapping[str, Any] | None = None
    objective: Number | None = None
    bound: Number | None = None
    gap: float | None = None
    measures: Mapping[str, Number] = field(default_factory=dict)
    cached: bool = False
    explanation: str = ""
    method: str = "auto"
    info: Mapping[str, Any] = field(default_factory=dict)
    race: Mapping[str, Any] = field(default_factory=dict)

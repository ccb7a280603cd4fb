"""The nouns that pass between the solver and any backend."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from quantum_scheduler.problems.model import BinarySolution, Number, ScheduleSolution
from quantum_scheduler.problems.problem import ProblemType

# What a backend hands out to find a submission again: a small JSON object that any other process can resume from.
Handle = Mapping[str, Any]

ErrorKind = Literal[
    "rate_limit", "unavailable", "timeout",  # worth another try
    "offline", "quota", "auth", "job_failed", "integrity", "too_large",  # worth another backend
    "invalid",  # the customer's fault: neither
]  # fmt: skip


# The method that stands for the backend's own choice.
AUTO = "auto"


class BackendError(Exception):
    """A backend did not do what it was asked; `kind` says what follows from that."""

    def __init__(self, kind: ErrorKind, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how a solve may run. `seed` and the limits decide the answer, unless the clock cuts it short.

    `method` is `auto` or one of the backend's own. The classical search ends at the objective `target` or below, and
    that of a binary model when each thread has done the work of `flips_max` flips.
    """

    time_limit_s: float = 10.0
    seed: int = 0
    threads: int = 1
    method: str = AUTO
    target: Number | None = None
    flips_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can take; a problem type it lacks is encoded as a binary model first.

    `methods` names, for each type of problem, the methods that can be asked for beside `auto`.
    """

    problem_types: frozenset[ProblemType]
    variables_max: int
    is_quantum: bool
    cancel: Literal["queued", "best_effort", "none"]
    idempotent_submit: Literal["token", "search", "none", "local"]
    methods: Mapping[ProblemType, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a solve would take, before it is submitted. `cost_usd` is None where the vendor only quotes.

    `qpu_seconds` is the part of it on a quantum computer, or the vendor's solver that has one, as plans count it.
    """

    fits: bool
    seconds: float
    qpu_seconds: float = 0.0
    cost_usd: float | None = None
    billable: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorQuota:
    """What an account has used of what its vendor allows it, in the vendor's own unit, and until when that counts."""

    unit: str
    used: float
    limit: float
    period_ends_at: datetime | None = None

    def document(self) -> dict[str, Any]:
        """Write it as JSON."""
        ends_at = None if self.period_ends_at is None else self.period_ends_at.isoformat()
        return {**asdict(self), "period_ends_at": ends_at}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what `document` wrote."""
        ends_at = document["period_ends_at"]
        return cls(**{**document, "period_ends_at": ends_at and datetime.fromisoformat(ends_at)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a backend would take a job now, and how its quotas with the vendor stand where the vendor says so."""

    status: Literal["up", "degraded", "down"]
    latency_ms: float | None = None
    queue_depth: int | None = None
    error: ErrorKind | None = None
    message: str = ""
    quotas: tuple[VendorQuota, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running solve has come: the best objective and bound so far, in the problem's own units."""

    elapsed_s: float
    objective: Number | None = None
    bound: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Where a submission stands."""

    state: Literal["queued", "running", "done", "failed", "cancelled"]
    queue_position: int | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a backend claims; nothing in it is believed before `problems.verify` has recomputed it.

    `solutions` are candidates, best first, and may be empty. `complete` says that the search ended by itself, so the
    same seed and limits give the same answer; it is False where the clock cut it short. `reproducible` is False where
    they do not although it ended by itself, as with all quantum hardware. `proof` is what the backend claims to have
    shown. `qpu_seconds` in `info` is how long the vendor's quantum computer was busy with it, where the vendor says so.
    """

    solutions: tuple[ScheduleSolution | BinarySolution, ...]
    complete: bool
    reproducible: bool = True
    proof: Literal["optimal", "infeasible"] | None = None
    claimed_objective: Number | None = None
    bound: Number | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

"""The nouns of routing: what is known of a backend, what is asked, and what is decided."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from quantum_scheduler.backends.model import ErrorKind, Health

# What a customer may ask for besides a backend by its name.
AUTO, QUANTUM, CLASSICAL = "auto", "quantum", "classical"

BreakerState = Literal["closed", "open", "half_open"]
AttemptState = Literal["skipped", "submitting", "waiting", "answered", "failed", "outrun", "cancelled", "doubtful"]

SHARE_FULL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Whether jobs go to a backend. While it is open none do, until one may try at `probe_at`.

    Half-open, that one is under way, and another may try at `probe_at` in case it never ends. `trips` counts how often
    it opened in a row; one that was opened by hand stays so until it is closed, or until `expires_at`. `rest_until` is
    when the vendor asked to be called again; `outruns` counts the last answers in a row that came too late.
    """

    backend: str
    state: BreakerState = "closed"
    since: datetime
    trips: int = 0
    probe_at: datetime | None = None
    reason: str | None = None
    is_manual: bool = False
    expires_at: datetime | None = None
    rest_until: datetime | None = None
    outruns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The outcomes of a backend in a window: how many, how many of them failed, and how many failures came last."""

    count: int
    failures: int
    in_a_row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """What a backend's adapter says of one problem before it is submitted."""

    fits: bool
    seconds: float = 0.0
    qpu_seconds: float = 0.0
    cost_usd: float | None = None
    why: str = ""
    error: str = ""
    error_kind: ErrorKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A backend that might take the job. `health` is None where it is not known, `appraisal` where it is not yet."""

    name: str
    breaker: Breaker
    share: int = SHARE_FULL
    health: Health | None = None
    appraisal: Appraisal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a job asks of the routing. `tried` are the backends that have failed it already, with the reason.

    `short` are those that would take more of a quantum computer's time than its plan has left, with what is missing.
    `loading` are those whose SDKs this worker is still importing.
    """

    asked: str
    job_id: UUID
    now: datetime
    classical_only: bool = False
    deadline_left_s: float | None = None
    max_cost_usd: float | None = None
    tried: Mapping[str, str]
    short: Mapping[str, str] = field(default_factory=dict)
    loading: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a backend was not chosen, and which rule says so; `chosen` for the one that was."""

    backend: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a job goes: a quantum backend, or with None a classical one, and why.

    `is_fallback` says that it would have gone to a quantum backend but for some trouble; `qpu_ms` how much time of a
    quantum computer it may take.
    """

    asked: str
    chosen: str | None
    reasons: tuple[Reason, ...]
    is_fallback: bool = False
    cost_usd: float | None = None
    qpu_ms: int = 0

    def document(self) -> dict[str, Any]:
        """Write it as JSON."""
        return {"chosen": self.chosen or CLASSICAL, "reasons": [asdict(each) for each in self.reasons]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for all jobs now: the order of preference, and whether everything is solved classically."""

    priority: tuple[str, ...] = ()
    classical_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What an operator decided in place of the environment, why, and until when."""

    name: Literal["priority", "classical_only"]
    value: Any
    reason: str
    set_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a quantum backend, or the reasons why there was none."""

    id: int
    job_id: UUID
    asked: str
    backend: str | None
    key: str | None
    state: AttemptState
    decision: Mapping[str, Any]
    is_fallback: bool
    queue_position: int | None
    error: Mapping[str, Any] | None
    objective: float | None
    classical_objective: float | None
    winner: str | None
    cost_usd: float | None
    qpu_ms: int
    began_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended: its state, and what is known of it then.

    An answered one without `qpu_ms` counts as having taken what was expected.
    """

    state: AttemptState
    kind: str | None = None
    message: str = ""
    objective: float | None = None
    classical_objective: float | None = None
    winner: str | None = None
    cost_usd: float | None = None
    qpu_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendState:
    """A backend as an operator sees it: its breaker, its share of the jobs, and how it was when last asked."""

    name: str
    breaker: Breaker
    share: int
    health: Health | None
    asked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStats:
    """What came of the attempts at one backend lately.

    `quality` is the mean of 1 - (quantum - classical) / max(1, |classical|) over the objectives of the answered ones:
    1 is as good as classical, more is better.
    """

    backend: str
    answered: int = 0
    failed: int = 0
    outrun: int = 0
    won: int = 0
    cost_usd: float | None = None
    average_cost_usd: float | None = None
    quality: float | None = None
    average_s: float | None = None
    p95_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailure:
    """Attempts that failed at one backend in the same way, and the message of the latest."""

    backend: str
    kind: str
    attempts: int
    jobs: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long some took that ended lately: `count` of them between two bounds, `seconds` together; one as example."""

    label: str
    place: int
    count: int
    seconds: float
    example: str
    example_s: float
    example_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendStats:
    """A backend now and lately: `queue_position` is the farthest place of an attempt in its queue, of `waiting`."""

    state: BackendState
    attempts: AttemptStats
    queue_position: int | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantumStats:
    """Quantum solving now and lately: the jobs that fell back, of those `wanted` to be quantum; the backends.

    `preferred` are those of the priority that are installed.
    """

    fallen_back: int
    wanted: int
    preferred: frozenset[str]
    backends: tuple[BackendStats, ...]

"""How far a run has come: all that its machine remembers, as one value that can be written down and read again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

RunStatus = Literal["running", "aborting", "succeeded", "aborted"]
FINISHED: frozenset[RunStatus] = frozenset({"succeeded", "aborted"})
# What is under way: each ends in an event that names its `pc`.
OpKind = Literal[
    "when",  # is the step to be done?
    "branch",  # which way?
    "gate",  # a person is asked
    "do",
    "check",
    "wait",
    "pause",  # until the step is tried again, or repeated
    "ramp_set",
    "ramp_hold",
    "ramp_trip",
    "undo",
    "call",  # what nobody waits for: the else of a gate, an escalation
    "phase",  # until a phase must start, or should have ended
]
# Where a step is, in the order it goes through them.
Stage = Literal["when", "ask", "do", "check", "wait", "acknowledge", "end"]
GateKind = Literal["acknowledge", "approve", "confirm", "choose", "tick", "unclear", "failed", "branch"]
Json: TypeAlias = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """Something under way since `since_s`, all times in seconds. `pc` is its number in the run: no other ever has it.

    `look` counts how often it was looked at: an event that bears an earlier one is stale. `index` says which `do`,
    `check` or row of a ramp. `until_s` is when it is given up, or when a gate calls for others.
    """

    pc: int
    kind: OpKind
    since_s: float
    step: str = ""  # its id; of the choice of a branch, the number of the phase
    track: int | None = None
    index: int = 0
    look: int = 0
    until_s: float | None = None
    true_since_s: float | None = None
    bad: int = 0  # looks in a row at which a ramp was not well
    unclear: int = 0  # looks in a row at which that was not known
    gate: GateKind | None = None
    options: tuple[str, ...] = ()
    called: int = 0  # how often a gate has called for others
    text: str = ""  # the call of an op of kind `call` or `undo`; why a step has failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A sequence of steps that go one after the other: those of a phase and its branch, or one that repeats."""

    id: int
    phase: int
    step: int = 0
    stage: Stage = "when"
    index: int = 0
    tries: int = 0
    branch: int | None = None
    repeats: str | None = None  # the id of the step that this track repeats
    step_began_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseState:
    """How a phase is: it `has_started`, its steps are through, it was said to be late."""

    has_started: bool = False
    is_done: bool = False
    is_overdue: bool = False
    chosen: int | None = None  # the branch that people chose before it was time


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyAnswer:
    """What somebody said before it was asked."""

    step: str
    answer: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A run as its machine knows it. `undo` holds the calls that take back what was done, the last one last."""

    status: RunStatus
    began_s: float
    next_pc: int = 1
    phases: tuple[PhaseState, ...] = ()
    tracks: Mapping[int, Track] = field(default_factory=dict)
    ops: Mapping[int, Op] = field(default_factory=dict)
    results: Mapping[str, Json] = field(default_factory=dict)
    done: Mapping[str, str] = field(default_factory=dict)  # what became of each step, by its id
    undo: tuple[tuple[str, str], ...] = ()  # step id and call
    early: tuple[EarlyAnswer, ...] = ()
    pace: float = 1.0  # what holds are multiplied with: below 1 in a drill

    @property
    def is_finished(self) -> bool:
        """Whether nothing can become of it any more."""
        return self.status in FINISHED

    def gates(self) -> tuple[Op, ...]:
        """The gates at which people are awaited, the first asked first."""
        return tuple(op for _, op in sorted(self.ops.items()) if op.kind == "gate")


def write_state(state: State) -> dict[str, Json]:
    """Write a state as JSON."""
    return asdict(state)


def read_state(document: Mapping[str, Json]) -> State:
    """Read what `write_state` wrote."""
    return State(
        **{
            **document,
            "phases": tuple(PhaseState(**each) for each in document["phases"]),
            "tracks": {int(key): Track(**each) for key, each in document["tracks"].items()},
            "ops": {int(key): _read_op(each) for key, each in document["ops"].items()},
            "undo": tuple((step, call) for step, call in document["undo"]),
            "early": tuple(EarlyAnswer(**each) for each in document["early"]),
        }
    )


def _read_op(document: Mapping[str, Json]) -> Op:
    return Op(**{**document, "options": tuple(document["options"])})

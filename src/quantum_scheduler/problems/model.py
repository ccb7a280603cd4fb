"""The nouns every problem shares: errors, limits' names, solutions and verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Label = int | str
Number = int | float

# One problem may hold at most this much; more is refused before it is read into memory.
DOCUMENT_BYTES_MAX = 256 * 2**20
YAML_BYTES_MAX = 8 * 2**20
VARIABLES_MAX = 100_000
TERMS_MAX = 2_000_000
TASKS_MAX = 10_000
AGENTS_MAX = 1_000
RESOURCES_MAX = 1_000
DEPENDENCIES_MAX = 200_000
SKILLS_MAX = 1_000
WINDOWS_MAX = 1_000
ID_LENGTH_MAX = 200
LEVEL_MAX = 1_000_000
CAPACITY_MAX = 1_000_000
UNITS_MAX = 1_000_000_000
TIME_MAX = 1_000_000_000
WEIGHT_MAX = 1_000_000_000
# No energy may leave the range in which a double holds every integer, because every sampler computes in doubles.
ENERGY_MAX = 2**53
ISSUES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One thing wrong with a problem: where it is and why it is wrong."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


class ProblemInvalid(Exception):  # noqa: N818  an error is named for what happened
    """The problem cannot be solved as it was written; `issues` names each field and the reason.

    At most ISSUES_MAX issues are kept; one more then says how many were left out.
    """

    def __init__(self, *issues: Issue) -> None:
        left_out = len(issues) - ISSUES_MAX
        if left_out > 0:
            issues = (*issues[:ISSUES_MAX], Issue(field="", reason=f"and {left_out:,} more"))
        self.issues = issues
        super().__init__("; ".join(str(issue) for issue in issues))


class ProblemTooLarge(ProblemInvalid):
    """The problem is over one of the named limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One task, placed: the agents that do it and when, in the problem's time units; `end` is exclusive."""

    task: str
    agents: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSolution:
    """A start and a crew for every task, in the order of the problem's tasks."""

    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BinarySolution:
    """A value for every variable: 0 or 1 in a BINARY model, -1 or 1 in a SPIN model."""

    values: Mapping[Label, int]


Solution = ScheduleSolution | BinarySolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a solution is worth, recomputed on the customer's own model.

    `objective` is an exact int where every number that enters it is an integer, else a correctly rounded float
    (`math.fsum`); it is None where there is no complete answer to measure. `measures` holds the parts: makespan,
    weighted_tardiness, cost, late_tasks of a schedule; energy of a binary model.
    """

    feasible: bool
    objective: Number | None
    violations: tuple[str, ...] = ()
    measures: Mapping[str, Number] = field(default_factory=dict)


VarType = Literal["BINARY", "SPIN"]

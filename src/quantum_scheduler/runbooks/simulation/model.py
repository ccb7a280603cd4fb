"""The nouns of a simulation."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something that happened in a drill, `at_s` after its first sample; it may be known by any of `names`."""

    at_s: float
    event: str
    names: tuple[str, ...] = ()
    by: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a drill found wrong, and at which line of the file it is asked for."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    """What came of a drill: how the run ended, `not_started` where no signal was raised, and what was wrong.

    `trouble_s` is when the first bad sample of what was raised was seen: deadlines count from there.
    """

    runbook: str
    name: str
    line: int
    outcome: str
    trouble_s: float
    seconds: float
    branches: tuple[str, ...]
    steps: tuple[str, ...]
    problems: tuple[Problem, ...]
    timeline: tuple[Occurrence, ...]

    @property
    def has_passed(self) -> bool:
        """Whether all came as it should."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationReport:
    """What came of all drills of a runbook; `unreached` are branches, `undone` steps that none of them did."""

    runbook: str
    drills: tuple[DrillReport, ...]
    branches: int
    unreached: tuple[Problem, ...]
    steps: int
    undone: tuple[str, ...]

    @property
    def has_passed(self) -> bool:
        """Whether every drill passed and every branch was reached."""
        return not self.unreached and all(each.has_passed for each in self.drills)

    @property
    def reached(self) -> frozenset[tuple[str, str]]:
        """The branches that drills go through, as lint asks for them."""
        return frozenset((self.runbook, title) for drill in self.drills for title in drill.branches)

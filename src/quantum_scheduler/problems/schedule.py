"""The scheduling problem: agents with skills, shared resources, tasks with dependencies, one objective.

All times are integers in one unit that the customer chooses; an interval is half-open, `[start, end)`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, FailFast, Field, Strict

from quantum_scheduler.problems.document import Document, Id, Level, Name, Time, Weight, text_of
from quantum_scheduler.problems.model import (
    AGENTS_MAX,
    CAPACITY_MAX,
    RESOURCES_MAX,
    SKILLS_MAX,
    TASKS_MAX,
    UNITS_MAX,
    WINDOWS_MAX,
)


def _levels(value: Any) -> Any:
    """Read a list of skill names as skills of level 0."""
    if isinstance(value, list) and all(isinstance(name, str | int) for name in value):
        return {text_of(name): 0 for name in value}
    return value


_SkillNames = Annotated[list[Id], Field(max_length=SKILLS_MAX)]
_SkillLevels = Annotated[dict[Name, Level], Field(max_length=SKILLS_MAX)]
Skills = Annotated[_SkillLevels, BeforeValidator(_levels, json_schema_input_type=_SkillNames | _SkillLevels)]
Units = Annotated[int, Field(ge=0, le=UNITS_MAX)]


class Window(Document):
    """A stretch of time in which an agent works: from `start` up to, not including, `end`."""

    start: Time
    end: Time


class Agent(Document):
    """Somebody or something that does tasks: at most `capacity` at once, each wholly inside one window."""

    id: Id
    skills: Skills = Field(default_factory=dict, description="Skill names, or an object of skill name to level.")
    capacity: Annotated[int, Field(ge=1, le=CAPACITY_MAX)] = 1
    availability: Annotated[tuple[Window, ...], Strict(False), Field(max_length=WINDOWS_MAX)] | None = Field(
        default=None, description="When the agent works; absent means always."
    )
    cost: Weight = Field(default=0, description="Cost of each time unit this agent spends on a task.")


class Resource(Document):
    """Something shared that tasks use in amounts (a machine pool, a licence count), `capacity` units at once."""

    id: Id
    capacity: Units


class Task(Document):
    """A piece of work that, once begun, runs `duration` time units without a break.

    `agents` agents do it together, each holding every skill in `skills` at the level asked or above;
    with `agents` 0 it needs only resources.
    """

    id: Id
    duration: Time
    skills: Skills = Field(default_factory=dict, description="Skill names, or an object of skill name to least level.")
    agents: Annotated[int, Field(ge=0, le=AGENTS_MAX)] = Field(default=1, description="How many agents do it together.")
    uses: Annotated[dict[Name, Units], Field(max_length=RESOURCES_MAX)] = Field(
        default_factory=dict, description="Units of each resource held while it runs."
    )
    priority: Weight = Field(default=1, description="Weight of this task's tardiness.")
    release: Time = Field(default=0, description="Earliest start.")
    deadline: Time | None = Field(default=None, description="Latest end; see the problem's `deadlines`.")
    dependencies: Annotated[tuple[Id, ...], Strict(False), FailFast(), Field(max_length=TASKS_MAX)] = Field(
        default=(), description="Tasks that must end before this one starts."
    )


class Makespan(Document):
    """Minimise the time at which the last task ends."""

    kind: Literal["makespan"] = "makespan"


class WeightedTardiness(Document):
    """Minimise the sum over tasks of priority x max(0, end - deadline)."""

    kind: Literal["weighted_tardiness"] = "weighted_tardiness"


class WeightedSum(Document):
    """Minimise makespan x its weight + weighted tardiness x its weight + cost x its weight."""

    kind: Literal["weighted_sum"] = "weighted_sum"
    makespan: Weight = 0
    tardiness: Weight = 0
    cost: Weight = 0


def _objective(value: Any) -> Any:
    """Read a bare name as the objective of that kind."""
    return {"kind": value} if isinstance(value, str) else value


Objective = Annotated[Makespan | WeightedTardiness | WeightedSum, Field(discriminator="kind")]


class ScheduleProblem(Document):
    """Who can do what, what is to be done, and what is best.

    `deadlines`: `hard` makes a schedule that misses one infeasible, `soft` only counts it as tardiness. Without
    it they are soft where the objective counts tardiness and hard where it does not.
    """

    kind: Literal["schedule"] = "schedule"
    agents: Annotated[tuple[Agent, ...], Strict(False), Field(max_length=AGENTS_MAX)] = ()
    resources: Annotated[tuple[Resource, ...], Strict(False), Field(max_length=RESOURCES_MAX)] = ()
    tasks: Annotated[tuple[Task, ...], Strict(False), Field(min_length=1, max_length=TASKS_MAX)]
    objective: Annotated[
        Objective,
        BeforeValidator(
            _objective,
            json_schema_input_type=Objective | Literal["makespan", "weighted_tardiness", "weighted_sum"],
        ),
    ] = Makespan()
    deadlines: Literal["hard", "soft"] | None = None

    @property
    def deadlines_are_hard(self) -> bool:
        """Whether a missed deadline makes a schedule infeasible."""
        return self.deadlines == "hard" or (self.deadlines is None and self.objective.kind == "makespan")

"""Write a solution as data that JSON can hold, and read it back."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, TypeAdapter, ValidationError

from quantum_scheduler.problems.document import Document, LabelField
from quantum_scheduler.problems.explain import explain
from quantum_scheduler.problems.model import (
    Assignment,
    BinarySolution,
    Issue,
    ProblemInvalid,
    ScheduleSolution,
    Solution,
)


class SolutionInvalid(ProblemInvalid):
    """The document is no solution; `issues` names each field and the reason."""


class _Assignment(Document):
    task: str
    agents: list[str]
    start: int
    end: int


class _Schedule(Document):
    kind: Literal["schedule"]
    assignments: list[_Assignment]


class _Binary(Document):
    kind: Literal["binary"]
    values: list[Annotated[tuple[LabelField, int], Strict(False)]]


_DOCUMENT: TypeAdapter[_Schedule | _Binary] = TypeAdapter(Annotated[_Schedule | _Binary, Field(discriminator="kind")])


def write_solution(solution: Solution) -> dict[str, Any]:
    """Write a solution: of a schedule each task's agents, start and end; of a binary model [label, value] pairs."""
    if isinstance(solution, ScheduleSolution):
        return {
            "kind": "schedule",
            "assignments": [
                {"task": placed.task, "agents": list(placed.agents), "start": placed.start, "end": placed.end}
                for placed in solution.assignments
            ],
        }
    return {"kind": "binary", "values": [[label, int(value)] for label, value in solution.values.items()]}


def read_solution(document: Mapping[str, Any]) -> Solution:
    """Read what `write_solution` wrote. Raises SolutionInvalid."""
    try:
        read = _DOCUMENT.validate_python(document)
    except ValidationError as error:
        raise SolutionInvalid(*explain(error).issues) from None
    if isinstance(read, _Schedule):
        return ScheduleSolution(
            assignments=tuple(
                Assignment(task=placed.task, agents=tuple(placed.agents), start=placed.start, end=placed.end)
                for placed in read.assignments
            )
        )
    values = dict(read.values)
    if len(values) != len(read.values):
        raise SolutionInvalid(Issue(field="values", reason="a label is given more than once"))
    return BinarySolution(values=values)

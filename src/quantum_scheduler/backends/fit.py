"""Say whether a backend can take a problem, and by the method asked for."""

from typing import ClassVar

from quantum_scheduler.backends.model import AUTO, Capabilities, ErrorKind
from quantum_scheduler.problems.problem import Problem, ProblemType
from quantum_scheduler.problems.schedule import ScheduleProblem


class MethodUnknown(ValueError):  # noqa: N818  an error is named for what happened
    """The backend has no such method for this type of problem."""

    kind: ClassVar[ErrorKind] = "invalid"


def explain_method(capabilities: Capabilities, kind: ProblemType, method: str) -> str:
    """Say that there is no such method for this type of problem, and which there are; nothing where there is."""
    choices = (AUTO, *capabilities.methods.get(kind, ()))
    return "" if method in choices else f"solves no {kind} problem by {method[:40]!r}; choose from {', '.join(choices)}"


def explain_misfit(problem: Problem, capabilities: Capabilities) -> str:
    """Say why the problem, as it is, does not fit; nothing where it does."""
    if problem.kind not in capabilities.problem_types:
        return f"it takes no {problem.kind} problems"
    if isinstance(problem, ScheduleProblem) or len(problem.labels) <= capabilities.variables_max:
        return ""
    return f"the model has {len(problem.labels):,} variables and it takes {capabilities.variables_max:,}"

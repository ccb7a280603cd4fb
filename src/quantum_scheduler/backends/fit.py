"""Say whether a backend can take a problem."""

from quantum_scheduler.backends.model import Capabilities
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.schedule import ScheduleProblem


def explain_misfit(problem: Problem, capabilities: Capabilities) -> str:
    """Say why the problem, as it is, does not fit; nothing where it does."""
    if problem.kind not in capabilities.problem_types:
        return f"it takes no {problem.kind} problems"
    if isinstance(problem, ScheduleProblem) or len(problem.labels) <= capabilities.variables_max:
        return ""
    return f"the model has {len(problem.labels):,} variables and it takes {capabilities.variables_max:,}"

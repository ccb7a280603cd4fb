"""Draw a result's schedule into a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quantum_scheduler.cli.write import write_file
from quantum_scheduler.console.gantt import draw_gantt_svg
from quantum_scheduler.problems.model import ScheduleSolution
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.problems.solution import read_solution


def draw_schedule(path: Path, problem: ScheduleProblem | None, result: Mapping[str, Any] | None) -> str:
    """Draw the schedule of a result as SVG into `path`, if there is one; return a line that says what was done.

    Raises FileUnwritable.
    """
    document = result["solution"] if result else None
    solution = read_solution(document) if document else None
    if problem is None or not isinstance(solution, ScheduleSolution):
        return f"{path} was not written: there is no schedule to draw"
    write_file(path, draw_gantt_svg(problem, solution))
    return f"the schedule as a picture: {path}"

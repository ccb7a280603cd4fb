"""The Patterson format for project scheduling (RCPSP), `.rcp`, in which PSPLIB's instances circulate.

Source: J. H. Patterson, Management Science 30 (1984) 854-867; described at
https://www.hexaly.com/example/resource-constrained-project-scheduling-problem-rcpsp
Whole numbers, wherever lines break: the number of tasks n (the first and the last are dummies) and of resources k; the
k capacities; then for each task its duration, its k demands, the number of its successors, and their numbers from 1.
"""

import re
from collections.abc import Iterator

from quantum_scheduler.problems.explain import build
from quantum_scheduler.problems.formats.lines import WHOLE, refuse_count, refuse_line, split_lines
from quantum_scheduler.problems.model import RESOURCES_MAX, TASKS_MAX, Issue, ProblemInvalid
from quantum_scheduler.problems.schedule import ScheduleProblem

_WHOLE = re.compile(WHOLE, re.ASCII)


class _Numbers:
    """The numbers of a file in reading order; `line` is where the last one stood."""

    def __init__(self, text: str) -> None:
        self._words = self._split(text)
        self.line = 0

    def _split(self, text: str) -> Iterator[str]:
        for self.line, line in split_lines(text):
            yield from line.split()

    def take(self, what: str) -> int:
        """The next number, which means `what`. Raises ProblemInvalid."""
        word = next(self._words, None)
        if word is None:
            raise ProblemInvalid(Issue(field="", reason=f"the file ends where {what} should be: it is cut short"))
        if _WHOLE.fullmatch(word) is None:
            raise refuse_line(self.line, f"{what} must be a whole number from 0 to 999,999,999")
        return int(word)

    def end(self) -> None:
        """Raise ProblemInvalid unless every number was taken."""
        if next(self._words, None) is not None:
            raise refuse_line(self.line, "there is more than the header states")


def parse_patterson(text: str) -> ScheduleProblem:
    """Read a project whose makespan is to be minimised: tasks "1" to "n" that use resources "R1" to "Rk", no agents.

    Raises ProblemInvalid, ProblemTooLarge.
    """
    numbers = _Numbers(text)
    count = numbers.take("the number of tasks")
    kinds = numbers.take("the number of resources")
    refuse_count(numbers.line, "tasks", count, TASKS_MAX)
    refuse_count(numbers.line, "resources", kinds, RESOURCES_MAX)
    names = [f"R{kind}" for kind in range(1, kinds + 1)]
    resources = [{"id": name, "capacity": numbers.take(f"the capacity of {name}")} for name in names]
    before: list[list[str]] = [[] for _ in range(count)]
    tasks = []
    for task in range(1, count + 1):
        duration = numbers.take(f"the duration of task {task}")
        demands = {name: numbers.take(f"the demand of task {task} for {name}") for name in names}
        for _ in range(numbers.take(f"the number of successors of task {task}")):
            successor = numbers.take(f"a successor of task {task}")
            if not 1 <= successor <= count:
                reason = f"task {task} has the successor {successor}; tasks go from 1 to {count}"
                raise refuse_line(numbers.line, reason)
            before[successor - 1].append(str(task))
        uses = {name: units for name, units in demands.items() if units}
        tasks.append({"id": str(task), "duration": duration, "agents": 0, "uses": uses})
    numbers.end()
    for task_parts, dependencies in zip(tasks, before, strict=True):
        task_parts["dependencies"] = dependencies
    return build(ScheduleProblem, {"resources": resources, "tasks": tasks})

"""The iMOPSE format for multi-skill project scheduling (MS-RCPSP), `.def`.

Source: P. B. Myszkowski et al., "A new benchmark dataset for Multi-Skill Resource-Constrained Project Scheduling
Problem", FedCSIS 2015, 129-138, and the files themselves, http://imopse.ii.pwr.edu.pl/
A header states counts; under `ResourceID` stand lines `id salary skill: level ...`, under `TaskID` lines
`id duration skill: level predecessor ...`; ids may be missing from the sequence; lines of `=` separate the parts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from quantum_scheduler.problems.explain import build
from quantum_scheduler.problems.formats.lines import WHOLE, check_count, refuse_count, refuse_line, split_lines
from quantum_scheduler.problems.model import (
    AGENTS_MAX,
    DEPENDENCIES_MAX,
    SKILLS_MAX,
    TASKS_MAX,
    Issue,
    ProblemInvalid,
)
from quantum_scheduler.problems.schedule import ScheduleProblem

Parts = list[dict[str, Any]]

_LIMITS = {
    "Tasks": TASKS_MAX,
    "Resources": AGENTS_MAX,
    "Precedence relations": DEPENDENCIES_MAX,
    "Number of skill types": SKILLS_MAX,
}
_COUNT = re.compile(rf"({'|'.join(_LIMITS)})\s*:\s*({WHOLE})", re.ASCII)
_SKILL = re.compile(r"([^\s:]{1,200}):\s*(\d{1,6})", re.ASCII)
_RESOURCE = re.compile(rf"({WHOLE})\s+(\d{{1,9}}(?:\.\d{{0,9}})?)((?:\s+{_SKILL.pattern})*)", re.ASCII)
_TASK = re.compile(rf"({WHOLE})\s+({WHOLE})\s+{_SKILL.pattern}((?:\s+{WHOLE})*)", re.ASCII)


def parse_imopse(text: str) -> ScheduleProblem:
    """Read a project whose makespan is to be minimised: one agent for each task, with its skill at its level or above.

    An agent's cost is its salary. Raises ProblemInvalid, ProblemTooLarge.
    """
    stated: dict[str, int] = {}
    agents: Parts = []
    tasks: Parts = []
    part = ""
    for number, line in split_lines(text):
        if line.startswith(("ResourceID", "TaskID")):
            part = line.split()[0]
        elif line.startswith("="):
            part = ""
        elif part == "ResourceID":
            _refuse_surplus(number, "Resources", agents, stated)
            agents.append(_read_resource(number, line))
        elif part == "TaskID":
            _refuse_surplus(number, "Tasks", tasks, stated)
            tasks.append(_read_task(number, line))
        elif count := _COUNT.fullmatch(line):
            stated[count[1]] = int(count[2])
            refuse_count(number, count[1].lower(), stated[count[1]], _LIMITS[count[1]])
    _check_counts(stated, agents, tasks)
    return build(ScheduleProblem, {"agents": agents, "tasks": tasks})


def _read_resource(number: int, line: str) -> dict[str, Any]:
    resource = _RESOURCE.fullmatch(line)
    if resource is None:
        raise refuse_line(number, "expected a resource: `id salary skill: level ...`")
    skills = _SKILL.findall(resource[3])
    levels = {skill: int(level) for skill, level in skills}
    if len(levels) < len(skills):
        raise refuse_line(number, "the resource has the same skill twice")
    return {"id": resource[1], "cost": float(resource[2]), "skills": levels}


def _read_task(number: int, line: str) -> dict[str, Any]:
    task = _TASK.fullmatch(line)
    if task is None:
        raise refuse_line(number, "expected a task: `id duration skill: level predecessor ...`")
    return {
        "id": task[1],
        "duration": int(task[2]),
        "skills": {task[3]: int(task[4])},
        "dependencies": task[5].split(),
    }


def _refuse_surplus(number: int, what: str, found: Sequence[object], stated: Mapping[str, int]) -> None:
    if what not in stated:
        raise refuse_line(number, f"the header above does not state `{what}: ...`")
    if len(found) == stated[what]:
        raise refuse_line(number, f"the header states only {stated[what]:,} {what.lower()}")


def _check_counts(stated: Mapping[str, int], agents: Parts, tasks: Parts) -> None:
    relations = sum(len(task["dependencies"]) for task in tasks)
    found = {"Tasks": len(tasks), "Resources": len(agents), "Precedence relations": relations}
    for what, count in found.items():
        if what not in stated:
            raise ProblemInvalid(Issue(field="", reason=f"the header does not state `{what}: ...`"))
        check_count(what.lower(), count, stated[what])

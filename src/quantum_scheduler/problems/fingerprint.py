"""Hash what a problem means, so that two ways to write the same problem are known to be the same."""

import hashlib
import json
from typing import Any

import numpy as np

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import Label, Number
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.schedule import Agent, ScheduleProblem, Task

# Hashed first; raised with every change of the canonical form, so that fingerprints of two forms never meet.
VERSION = b"quantum-scheduler problem 1\n"


def fingerprint(problem: Problem) -> str:
    """64 hexadecimal digits, equal for two problems exactly where they mean the same (SHA-256 of a canonical form).

    No order has a meaning: of agents, tasks, dependencies, skills, windows, resources, variables or terms; nor has the
    way a number is written (2 or 2.0), a pair (reversed, split up), or a default that is spelt out.
    """
    digest = hashlib.sha256(VERSION)
    if isinstance(problem, BinaryProblem):
        _hash_binary(digest, problem)
    else:
        digest.update(_canonical_json(_schedule_form(problem)))
    return digest.hexdigest()


def _canonical_json(form: Any) -> bytes:
    return json.dumps(form, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _schedule_form(problem: ScheduleProblem) -> dict[str, Any]:
    objective = problem.objective.model_dump()
    return {
        "kind": problem.kind,
        "agents": sorted((_agent_form(agent) for agent in problem.agents), key=_id_of),
        "resources": sorted([resource.id, resource.capacity] for resource in problem.resources),
        "tasks": sorted((_task_form(task) for task in problem.tasks), key=_id_of),
        "objective": {name: value if isinstance(value, str) else _number(value) for name, value in objective.items()},
        "deadlines_are_hard": problem.deadlines_are_hard,
    }


def _id_of(form: dict[str, Any]) -> str:
    return str(form["id"])


def _agent_form(agent: Agent) -> dict[str, Any]:
    windows = agent.availability
    return {
        "id": agent.id,
        "skills": agent.skills,
        "capacity": agent.capacity,
        "availability": None if windows is None else sorted([window.start, window.end] for window in windows),
        "cost": _number(agent.cost),
    }


def _task_form(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "duration": task.duration,
        "skills": task.skills,
        "agents": task.agents,
        "uses": {name: units for name, units in task.uses.items() if units},
        "priority": _number(task.priority),
        "release": task.release,
        "deadline": task.deadline,
        "dependencies": sorted(set(task.dependencies)),
    }


def _number(value: Number) -> Number:
    """The integer where there is one, so that 2 and 2.0 are one number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _hash_binary(digest: "hashlib._Hash", problem: BinaryProblem) -> None:
    """Hash the arrays with the variables in the order of their labels and the pairs in the order of those."""
    labels = problem.labels
    order = sorted(range(len(labels)), key=lambda at: _label_key(labels[at]))
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels))
    ends = rank[problem.head], rank[problem.tail]
    pair = np.minimum(*ends) * len(labels) + np.maximum(*ends)
    by_pair = np.argsort(pair)
    number = "<i8" if problem.integral else "<f8"
    header = {
        "kind": problem.kind,
        "vartype": problem.vartype,
        "numbers": number,
        "labels": [labels[at] for at in order],
        "offset": problem.offset,
        "pairs": len(pair),
    }
    digest.update(_canonical_json(header))
    digest.update(problem.linear[order].astype(number).tobytes())
    digest.update(pair[by_pair].astype("<i8").tobytes())
    digest.update(problem.weight[by_pair].astype(number).tobytes())


def _label_key(label: Label) -> tuple[bool, Label]:
    """Whole numbers before text; each by itself."""
    return isinstance(label, str), label

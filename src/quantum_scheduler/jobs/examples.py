"""The examples in the description of the API: small, real, and solved in a moment."""

from typing import Any

SCHEDULE_JOB: dict[str, Any] = {
    "name": "two rooms",
    "problem": {
        "kind": "schedule",
        "agents": [
            {"id": "ada", "skills": ["paint", "floor"]},
            {"id": "ben", "skills": ["paint"]},
        ],
        "tasks": [
            {"id": "paint hall", "duration": 3, "skills": ["paint"]},
            {"id": "paint room", "duration": 2, "skills": ["paint"]},
            {"id": "floor hall", "duration": 4, "skills": ["floor"], "dependencies": ["paint hall"]},
        ],
        "objective": "makespan",
    },
    "time_limit_s": 5,
}

BINARY_JOB: dict[str, Any] = {
    "name": "cut a triangle",
    "problem": {
        "kind": "binary",
        "vartype": "BINARY",
        "linear": [["a", -2], ["b", -2], ["c", -2]],
        "quadratic": [["a", "b", 2], ["b", "c", 2], ["a", "c", 2]],
    },
    "time_limit_s": 1,
    "seed": 7,
}

PRIORITY: dict[str, Any] = {"priority": "high"}

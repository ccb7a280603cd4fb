"""Solutions survive being written as JSON, and a document that is none is refused in one clear sentence."""

import json
from typing import Any

import numpy as np
import pytest

from quantum_scheduler.problems.model import Assignment, BinarySolution, ScheduleSolution, Solution
from quantum_scheduler.problems.solution import SolutionInvalid, read_solution, write_solution


@pytest.mark.parametrize(
    "solution",
    [
        ScheduleSolution(assignments=()),
        ScheduleSolution(
            assignments=(
                Assignment(task="a", agents=("x", "y"), start=0, end=4),
                Assignment(task="0", agents=(), start=4, end=4),
            )
        ),
        BinarySolution(values={}),
        BinarySolution(values={1: 0, "1": 1, -5: -1, "t0|a1": 1, "": 0}),
    ],
)
def test_a_solution_reads_back_as_it_was_written(solution: Solution) -> None:
    assert read_solution(json.loads(json.dumps(write_solution(solution)))) == solution


def test_the_documents_have_the_published_shape() -> None:
    schedule = ScheduleSolution(assignments=(Assignment(task="a", agents=("x",), start=1, end=2),))
    assert write_solution(schedule) == {
        "kind": "schedule",
        "assignments": [{"task": "a", "agents": ["x"], "start": 1, "end": 2}],
    }
    assert write_solution(BinarySolution(values={"b": 1, 0: 0})) == {"kind": "binary", "values": [["b", 1], [0, 0]]}


def test_a_samplers_small_integers_are_written_as_plain_ones() -> None:
    values: dict[Any, Any] = {"b": np.int8(1)}
    assert json.dumps(write_solution(BinarySolution(values=values))) == '{"kind": "binary", "values": [["b", 1]]}'


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "kind"),
        ({"kind": "graph"}, "kind"),
        ({"kind": "schedule"}, "assignments: is missing"),
        ({"kind": "schedule", "assignments": [], "cost": 1}, "cost: is not a field that is known here"),
        ({"kind": "schedule", "assignments": [{"task": "a", "agents": [], "start": 0}]}, "assignments[0].end"),
        ({"kind": "schedule", "assignments": [{"task": "a", "agents": "x", "start": 0, "end": 1}]}, "[0].agents"),
        ({"kind": "schedule", "assignments": [{"task": "a", "agents": [], "start": 0.5, "end": 1}]}, "[0].start"),
        ({"kind": "binary", "values": {"a": 1}}, "values: must be a list"),
        ({"kind": "binary", "values": [["a"]]}, "values[0]"),
        ({"kind": "binary", "values": [["a", 1.0]]}, "values[0][1]: must be a whole number"),
        ({"kind": "binary", "values": [[True, 1]]}, "values[0][0]"),
        ({"kind": "binary", "values": [["a", 0], ["a", 1]]}, "values: a label is given more than once"),
        ([], ""),
        (None, ""),
    ],
)
def test_a_document_that_is_no_solution_is_refused_with_the_field(document: Any, message: str) -> None:
    with pytest.raises(SolutionInvalid) as caught:
        read_solution(document)
    assert message in str(caught.value)
    assert len(caught.value.issues) >= 1

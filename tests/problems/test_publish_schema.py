"""The published JSON Schema: it says of each field what the reader does, and the stored copy is the same."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from quantum_scheduler.problems.model import ProblemInvalid
from quantum_scheduler.problems.publish import problem_schema
from quantum_scheduler.problems.read import read_document

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
EXAMPLES = re.findall(
    r"^```json (?:schedule|binary).json\n(.*?)^```", (REFERENCE / "formats.md").read_text(), re.MULTILINE | re.DOTALL
)
TASK = {"id": "t", "duration": 3}
SCHEDULE = {"kind": "schedule", "agents": [{"id": "a", "skills": ["s"]}], "tasks": [TASK]}
BINARY = {"kind": "binary", "linear": [["x", 1.5], [3, -2]]}
BQM = {
    "type": "BinaryQuadraticModel",
    "variable_type": "SPIN",
    "variable_labels": ["a", "b"],
    "linear_biases": [1.0, 2.5],
    "quadratic_head": [0],
    "quadratic_tail": [1],
    "quadratic_biases": [-1],
}


@pytest.fixture(scope="module")
def validator() -> jsonschema_rs.Draft202012Validator:
    schema = problem_schema()
    assert jsonschema_rs.meta.is_valid(schema)
    return jsonschema_rs.Draft202012Validator(schema)


def is_read(document: Any) -> bool:
    try:
        read_document(json.dumps(document).encode())
    except ProblemInvalid:
        return False
    return True


def task(**parts: Any) -> dict[str, Any]:
    return {**SCHEDULE, "tasks": [TASK | parts]}


@pytest.mark.parametrize(
    "document",
    [
        *(json.loads(text) for text in EXAMPLES),
        SCHEDULE,
        BINARY,
        {"kind": "binary", "bqm": BQM},
        {"kind": "binary", "vartype": "SPIN", "quadratic": [["x", 1, 2]], "offset": 0.5},
        {**SCHEDULE, "objective": "weighted_tardiness", "deadlines": None},
        {**SCHEDULE, "objective": {"kind": "weighted_sum", "cost": 1}},
        task(id=7, skills={"s": 0}, priority=2.5, deadline=None),
    ],
)
def test_what_the_reader_takes_the_schema_takes(validator: jsonschema_rs.Draft202012Validator, document: Any) -> None:
    assert is_read(document)
    assert validator.is_valid(document)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {**SCHEDULE, "kind": "puzzle"},
        {"tasks": [TASK]},
        {"kind": "schedule", "tasks": []},
        {**SCHEDULE, "colour": "red"},
        {**SCHEDULE, "objective": "speed"},
        {**SCHEDULE, "objective": {"cost": 1}},
        task(duration=-1),
        task(duration=1.5),
        task(duration=10**10),
        task(id=""),
        task(id="x" * 201),
        task(id="a\nb"),
        task(skills={"": 1}),
        task(skills={"a\tb": 1}),
        task(skills={"s": -1}),
        task(uses={"x" * 201: 1}),
        task(dependencies=[None]),
        task(priority=-1),
        {"kind": "binary", "linear": [["x"]]},
        {"kind": "binary", "linear": [["x", 1, 1]]},
        {"kind": "binary", "linear": [[1.5, 1]]},
        {"kind": "binary", "linear": [["x", 2**54]]},
        {"kind": "binary", "vartype": "TERNARY", "linear": [["x", 1]]},
        {"kind": "binary", "bqm": {**BQM, "use_bytes": True}},
        {"kind": "binary", "bqm": {**BQM, "quadratic_head": [-1]}},
    ],
)
def test_what_the_schema_refuses_the_reader_refuses(
    validator: jsonschema_rs.Draft202012Validator, document: Any
) -> None:
    assert not validator.is_valid(document)
    assert not is_read(document)

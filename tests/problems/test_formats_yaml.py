"""YAML: the same words as in JSON, and nothing that grows when it is read."""

import json

import pytest

from quantum_scheduler.problems.formats.yaml import yaml_to_json
from quantum_scheduler.problems.model import YAML_BYTES_MAX, ProblemInvalid, ProblemTooLarge
from quantum_scheduler.problems.read import read_document, read_problem

SCHEDULE = """
# a comment
kind: schedule
agents:
  - id: no
    skills: [weld]
    cost: 1.5e1
tasks:
  - {id: 2024-01-01, duration: 30, skills: {weld: 0}, deadline: ~}
  - id: "true"
    duration: 1
    dependencies: [2024-01-01]
"""


def test_a_yaml_document_is_the_same_problem_as_in_json() -> None:
    document = {
        "kind": "schedule",
        "agents": [{"id": "no", "skills": ["weld"], "cost": 15.0}],
        "tasks": [
            {"id": "2024-01-01", "duration": 30, "skills": {"weld": 0}},
            {"id": "true", "duration": 1, "dependencies": ["2024-01-01"]},
        ],
    }
    assert read_problem(SCHEDULE.encode(), name="p.yaml") == read_document(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("''", ""),
        ("True", True),
        ("yes", "yes"),
        ("'7'", "7"),
        ("-07", -7),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("[]", []),
        ("{a: [b, {}]}", {"a": ["b", {}]}),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_a_scalar_is_a_number_or_a_word_only_where_it_looks_like_one(text: str, value: object) -> None:
    assert json.loads(yaml_to_json(text)) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x [1]\nb: [*x, *x]", "line 2: the alias *x is not followed"),
        ("a: !!python/object/apply:os.system [ls]", "line 1: the tag"),
        ("a: !!int 3", "line 1: the tag"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("a: 1\na: 2", "the same key twice"),
        ("[a]: 1", "a key must be text"),
        ("a: [1\nb: 2", "line 2: this is not YAML"),
        ("a: \x07", "this is not YAML"),
        ("[" * 100_000, "line 1: nested more than 32 deep"),
        ("- " * 100_000, "line 1: nested more than 32 deep"),
    ],
)
def test_what_is_no_plain_document_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(ProblemInvalid) as caught:
        yaml_to_json(text)
    assert reason in str(caught.value)


def test_laughs_stay_few() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 20))
    with pytest.raises(ProblemInvalid, match="alias"):
        yaml_to_json("l0: &l0 [lol]\n" + levels)


def test_infinities_are_refused_as_in_json() -> None:
    with pytest.raises(ProblemInvalid, match=r"linear\[0\]\[1\]: must be a finite number"):
        read_problem(b"kind: binary\nlinear: [[x, -.inf]]")


def test_a_long_yaml_document_is_refused() -> None:
    with pytest.raises(ProblemTooLarge, match="write a larger one as JSON"):
        yaml_to_json("#" * (YAML_BYTES_MAX + 1))

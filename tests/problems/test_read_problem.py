"""Reading: what is written comes back, and whatever is sent gets a problem or one clear error."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_scheduler.problems.fingerprint import fingerprint
from quantum_scheduler.problems.model import (
    DOCUMENT_BYTES_MAX,
    ISSUES_MAX,
    TASKS_MAX,
    ProblemInvalid,
    ProblemTooLarge,
)
from quantum_scheduler.problems.read import describe_problem, read_document, read_problem, write_document
from quantum_scheduler.problems.schedule import Makespan, ScheduleProblem

DATA = Path(__file__).parents[1] / "data"
TASK = {"id": "t", "duration": 3}
AGENT = {"id": "a"}


def encode(document: Any) -> bytes:
    return json.dumps(document).encode()


def schedule(**parts: Any) -> bytes:
    return encode({"kind": "schedule", "agents": [AGENT], "tasks": [TASK], **parts})


def refusal(document: bytes) -> ProblemInvalid:
    with pytest.raises(ProblemInvalid) as caught:
        read_document(document)
    return caught.value


def test_a_task_needs_only_an_id_and_a_duration() -> None:
    problem = read_document(schedule())
    assert isinstance(problem, ScheduleProblem)
    task = problem.tasks[0]
    assert (task.agents, task.priority, task.release, task.deadline, task.dependencies) == (1, 1, 0, None, ())
    assert problem.objective == Makespan()


def test_a_bare_name_is_an_objective_and_a_list_of_skills_is_level_0() -> None:
    agents = [{"id": 7, "skills": ["weld", 3]}]
    problem = read_document(schedule(objective="weighted_tardiness", agents=agents))
    assert isinstance(problem, ScheduleProblem)
    assert problem.objective.kind == "weighted_tardiness"
    assert (problem.agents[0].id, problem.agents[0].skills) == ("7", {"weld": 0, "3": 0})


def test_a_repeated_key_counts_as_said_last() -> None:
    assert describe_problem(read_document(b'{"kind": "binary", "kind": "binary", "offset": 1, "linear": [["x", 1]]}'))


def test_a_byte_order_mark_is_read_over() -> None:
    assert describe_problem(read_document(b"\xef\xbb\xbf" + schedule()))["tasks"] == 1


@pytest.mark.parametrize("file", ["bqpqka_9.qubo.gz", "wheel.txt", "diamond.rcp", "five.def"])
def test_what_is_written_is_read_as_the_same_problem(file: str) -> None:
    problem = read_problem((DATA / file).read_bytes(), name=file)
    document = write_document(problem)
    again = read_document(document)
    assert fingerprint(again) == fingerprint(problem)
    assert write_document(again) == document


def test_a_schedule_comes_back_equal() -> None:
    problem = read_problem((DATA / "five.def").read_bytes())
    assert read_document(write_document(problem)) == problem


def test_a_description_says_kind_and_size() -> None:
    assert describe_problem(read_problem((DATA / "diamond.rcp").read_bytes())) == {
        "kind": "schedule",
        "tasks": 6,
        "agents": 0,
        "resources": 2,
        "dependencies": 7,
        "objective": "makespan",
    }
    assert describe_problem(read_problem((DATA / "wheel.txt").read_bytes())) == {
        "kind": "binary",
        "vartype": "BINARY",
        "variables": 5,
        "terms": 7,
    }


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        (b"", "", "empty"),
        (b" \n ", "", "empty"),
        (b"[]", "", "must be an object"),
        (b"3", "", "must be an object"),
        (b"{", "", "is not JSON: EOF"),
        (b'{"kind": "\xff"}', "", "not UTF-8"),
        (b"[" * 100_000, "", "recursion limit"),
        (b'{"a":' * 100_000, "", "recursion limit"),
        (b"{}", "kind", "missing"),
        (b'{"kind": "puzzle"}', "kind", "'schedule', 'binary'"),
        (b'{"kind": 1}', "kind", "'schedule', 'binary'"),
        (b'{"kind": "schedule"}', "tasks", "missing"),
        (schedule(tasks=[]), "tasks", "at least 1"),
        (schedule(tasks={}), "tasks", "must be a list"),
        (schedule(tasks=[3]), "tasks[0]", "must be an object"),
        (schedule(colour="red"), "colour", "not a field"),
        (schedule(tasks=[TASK, TASK | {"id": "u", "duration": -1}]), "tasks[1].duration", "at least 0"),
        (schedule(tasks=[TASK | {"duration": 2.0}]), "tasks[0].duration", "whole number"),
        (schedule(tasks=[TASK | {"duration": True}]), "tasks[0].duration", "whole number"),
        (schedule(tasks=[TASK | {"duration": 10**10}]), "tasks[0].duration", "at most 1,000,000,000"),
        (schedule(tasks=[TASK | {"duration": float("nan")}]), "tasks[0].duration", "whole number"),
        (schedule(tasks=[TASK | {"priority": float("inf")}]), "tasks[0].priority", "number from 0"),
        (schedule().replace(b'"duration": 3', b'"duration": 3, "priority": 1e999'), "tasks[0].priority", "number"),
        (schedule(tasks=[TASK | {"id": ""}]), "tasks[0].id", "empty"),
        (schedule(tasks=[TASK | {"id": "x" * 201}]), "tasks[0].id", "200 characters"),
        (schedule(tasks=[TASK | {"id": "a\0b"}]), "tasks[0].id", "control characters"),
        (schedule(tasks=[TASK | {"uses": {"": 1}}]), "tasks[0].uses", "the name '' must not be empty"),
        (schedule(tasks=[TASK | {"dependencies": [None]}]), "tasks[0].dependencies[0]", "text"),
        (schedule(agents=[AGENT | {"availability": [{"start": 0}]}]), "agents[0].availability[0].end", "missing"),
        (schedule(tasks=[TASK | {"skills": {"spot weld": -1}}]), "tasks[0].skills['spot weld']", "at least 0"),
        (schedule(tasks=[TASK | {"": 1}]), "tasks[0]['']", "not a field"),
        (schedule(objective=3), "objective", "must be an object"),
        (schedule(objective="speed"), "objective.kind", "'makespan'"),
        (schedule(objective={"kind": "weighted_sum", "cost": -1}), "objective.cost", "number from 0"),
        (schedule(deadlines="firm"), "deadlines", "'hard' or 'soft'"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(document: bytes, field: str, reason: str) -> None:
    (issue,) = refusal(document).issues
    assert issue.field == field
    assert reason in issue.reason


def test_a_long_list_of_issues_is_cut_and_says_so() -> None:
    issues = refusal(schedule(tasks=[{} for _ in range(50)])).issues
    assert len(issues) == ISSUES_MAX + 1
    assert issues[-1].reason == f"and {100 - ISSUES_MAX} more"


def test_a_flood_of_errors_is_one_issue() -> None:
    flood = {f"field {at}": at for at in range(150_000)}
    (issue,) = refusal(schedule(**flood)).issues
    assert issue.reason.startswith("150,000 things are wrong")


def test_a_list_over_its_limit_is_too_large() -> None:
    error = refusal(schedule(tasks=[TASK | {"id": at} for at in range(TASKS_MAX + 1)]))
    assert isinstance(error, ProblemTooLarge)
    assert [issue.field for issue in error.issues] == ["tasks"]


def test_gzip_is_read_also_in_several_members() -> None:
    document = schedule()
    packed = gzip.compress(document[:20]) + gzip.compress(document[20:])
    assert read_problem(packed, name="job.json.gz") == read_document(document)


@pytest.mark.parametrize(
    "packed", [b"\x1f\x8b", gzip.compress(schedule())[:-9], gzip.compress(schedule()) + b"tail", b"\x1f\x8b\x08" * 9]
)
def test_damaged_gzip_is_refused(packed: bytes) -> None:
    with pytest.raises(ProblemInvalid, match="gzip data is damaged"):
        read_problem(packed)


def test_gzip_is_not_inflated_past_the_limit() -> None:
    mebibytes = 16
    member = gzip.compress(bytes(mebibytes * 2**20))
    bomb = member * (10 * DOCUMENT_BYTES_MAX // (mebibytes * 2**20))
    with pytest.raises(ProblemTooLarge, match="the most that is taken"):
        read_problem(bomb)


NAMES = st.sampled_from(["", "p.json", "p.yaml", "p.qubo", "p.txt", "p.rcp", "p.def", "p.gz", "p.json.gz", "p.png"])
WORDS = st.sampled_from(
    [
        *("kind", "schedule", "tasks", "agents", "id", "duration", "skills", "uses", "dependencies", "objective"),
        *("binary", "linear", "quadratic", "offset", "vartype", "SPIN", "bqm", "type", "BinaryQuadraticModel"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=30,
)


def read_or_refuse(data: bytes, name: str) -> str:
    """Say what became of it."""
    try:
        return str(describe_problem(read_problem(data, name=name)))
    except ProblemInvalid as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode) | st.binary().map(gzip.compress), NAMES)
def test_any_bytes_are_a_problem_or_refused(data: bytes, name: str) -> None:
    assert read_or_refuse(data, name)


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from(["schedule", "binary"]), NAMES)
def test_any_json_is_a_problem_or_refused(value: Any, kind: str, name: str) -> None:
    document = value | {"kind": kind} if isinstance(value, dict) else value
    assert read_or_refuse(encode(document), name)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["wheel.txt", "diamond.rcp", "five.def"]),
    st.floats(0, 1),
    st.integers(0, 20),
    st.text("0123456789 .-+eQ:=\n\tcp", max_size=8),
)
def test_any_damage_to_a_file_is_survived(file: str, place: float, removed: int, added: str) -> None:
    text = (DATA / file).read_text()
    at = int(place * len(text))
    assert read_or_refuse((text[:at] + added + text[at + removed :]).encode(), file)

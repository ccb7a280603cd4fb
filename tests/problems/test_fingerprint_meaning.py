"""Fingerprints: equal for the same meaning however it is written, different for another meaning."""

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quantum_scheduler.problems.fingerprint import fingerprint
from quantum_scheduler.problems.read import read_document, read_problem
from quantum_scheduler.problems.schedule import ScheduleProblem

DATA = Path(__file__).parents[1] / "data"
NAMES = st.sampled_from(["a", "b", "B", "ab", "1", "2", "ä", "→"])
LEVELS = st.dictionaries(NAMES, st.integers(0, 2), max_size=3)
WEIGHTS = st.integers(0, 5) | st.sampled_from([0.5, 2.25])
TIMES = st.integers(0, 20)


def of_schedule(document: dict[str, Any]) -> str:
    return fingerprint(ScheduleProblem.model_validate(document))


def of_binary(document: dict[str, Any]) -> str:
    return fingerprint(read_document(json.dumps(document).encode()))


def named(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Between one and four things of different ids."""
    one = st.fixed_dictionaries({"id": NAMES, **fields})
    return st.lists(one, min_size=1, max_size=4, unique_by=lambda item: item["id"])


WINDOWS = st.lists(st.fixed_dictionaries({"start": TIMES, "end": TIMES}), max_size=3)
SCHEDULES = st.fixed_dictionaries(
    {
        "agents": named(skills=LEVELS, capacity=st.integers(1, 3), availability=st.none() | WINDOWS, cost=WEIGHTS),
        "resources": named(capacity=st.integers(0, 5)),
        "tasks": named(
            duration=TIMES,
            skills=LEVELS,
            agents=st.integers(0, 2),
            uses=st.dictionaries(NAMES, st.integers(1, 3), max_size=3),
            priority=WEIGHTS,
            release=TIMES,
            deadline=st.none() | TIMES,
            dependencies=st.lists(NAMES, unique=True, max_size=3),
        ),
        "objective": st.sampled_from(["makespan", "weighted_tardiness"])
        | st.fixed_dictionaries(
            {"kind": st.just("weighted_sum"), "makespan": WEIGHTS, "tardiness": WEIGHTS, "cost": WEIGHTS}
        ),
        "deadlines": st.sampled_from([None, "hard", "soft"]),
    }
)


def reordered(value: Any, chance: random.Random) -> Any:
    """The same document with every list and every object in another order and whole numbers as they may be written."""
    if isinstance(value, dict):
        keys = chance.sample(sorted(value), len(value))
        return {key: reordered(value[key], chance) for key in keys}
    if isinstance(value, list):
        return [reordered(item, chance) for item in chance.sample(value, len(value))]
    return value


@settings(max_examples=150, deadline=None)
@given(SCHEDULES, st.randoms(use_true_random=False))
def test_the_order_of_a_schedule_has_no_meaning(document: dict[str, Any], chance: random.Random) -> None:
    assert of_schedule(reordered(document, chance)) == of_schedule(document)


DEFAULTS = {"skills": {}, "capacity": 1, "cost": 0, "availability": None, "agents": 1, "uses": {}, "priority": 1}


@settings(max_examples=100, deadline=None)
@given(SCHEDULES)
def test_another_way_to_write_a_schedule_has_no_meaning(document: dict[str, Any]) -> None:
    other = copy.deepcopy(document)
    hard = ScheduleProblem.model_validate(document).deadlines_are_hard
    other["deadlines"] = "hard" if hard else "soft"
    other["agents"] = [
        {
            name: value
            for name, value in (agent | {"cost": float(agent["cost"])}).items()
            if value != DEFAULTS.get(name, 0)
        }
        for agent in other["agents"]
    ]
    for task in other["tasks"]:
        task["priority"] = float(task["priority"])
        task["dependencies"] = task["dependencies"] * 2
        task["uses"] = {"never": 0, **task["uses"]}
    assert of_schedule(other) == of_schedule(document)


def more(number: float | None) -> float:
    return (number or 0) + 1


CHANGES: list[Callable[[dict[str, Any]], Any]] = [
    lambda d: d["tasks"][0].update(duration=more(d["tasks"][0]["duration"])),
    lambda d: d["tasks"][0].update(release=more(d["tasks"][0]["release"])),
    lambda d: d["tasks"][0].update(deadline=more(d["tasks"][0]["deadline"])),
    lambda d: d["tasks"][0].update(priority=more(d["tasks"][0]["priority"])),
    lambda d: d["tasks"][0].update(agents=more(d["tasks"][0]["agents"])),
    lambda d: d["tasks"][0].update(id="new"),
    lambda d: d["tasks"][0]["skills"].update(new=0),
    lambda d: d["tasks"][0]["uses"].update(new=1),
    lambda d: d["tasks"][0]["dependencies"].append("new"),
    lambda d: d["tasks"].append({"id": "new", "duration": 0}),
    lambda d: d["tasks"].append({"id": "new", "duration": 0, "agents": 0}),
    lambda d: d["agents"][0].update(capacity=more(d["agents"][0]["capacity"])),
    lambda d: d["agents"][0].update(cost=d["agents"][0]["cost"] + 0.25),
    lambda d: d["agents"][0]["skills"].update(new=1),
    lambda d: d["agents"][0].update(availability=[*(d["agents"][0]["availability"] or []), {"start": 50, "end": 60}]),
    lambda d: d["agents"].append({"id": "new"}),
    lambda d: d["agents"].append({"id": "new", "availability": []}),
    lambda d: d["resources"][0].update(capacity=more(d["resources"][0]["capacity"])),
    lambda d: d["resources"].append({"id": "new", "capacity": 0}),
    lambda d: d.update(objective={"kind": "weighted_sum", "makespan": 99}),
    lambda d: d.update(deadlines="soft" if ScheduleProblem.model_validate(d).deadlines_are_hard else "hard"),
]


@settings(max_examples=200, deadline=None)
@given(SCHEDULES, st.lists(st.sampled_from(CHANGES), min_size=2, max_size=2, unique_by=id))
def test_a_schedule_of_another_meaning_has_another_fingerprint(
    document: dict[str, Any], changes: list[Callable[[dict[str, Any]], Any]]
) -> None:
    variants = [document, copy.deepcopy(document), copy.deepcopy(document)]
    for variant, change in zip(variants[1:], changes, strict=True):
        change(variant)
    assert len({of_schedule(variant) for variant in variants}) == 3


LABELS = st.integers(-2, 2) | st.sampled_from(["1", "a", "b", ""])
NUMBERS = st.integers(-5, 5) | st.sampled_from([0.1, 0.2, 0.3, -1e-3, 1e9 / 7])
BINARIES = st.fixed_dictionaries(
    {
        "kind": st.just("binary"),
        "vartype": st.sampled_from(["BINARY", "SPIN"]),
        "linear": st.lists(st.tuples(LABELS, NUMBERS), min_size=1, max_size=6),
        "quadratic": st.lists(st.tuples(LABELS, LABELS, NUMBERS), max_size=8),
        "offset": NUMBERS,
    }
)


@settings(max_examples=200, deadline=None)
@given(BINARIES, st.randoms(use_true_random=False))
def test_the_order_of_terms_and_of_pairs_has_no_meaning(document: dict[str, Any], chance: random.Random) -> None:
    linear, quadratic = document["linear"], document["quadratic"]
    flipped = [(v, u, bias) if chance.random() < 0.5 else (u, v, bias) for u, v, bias in quadratic]
    other = document | {
        "linear": chance.sample(linear, len(linear)),
        "quadratic": chance.sample(flipped, len(flipped)),
    }
    assert of_binary(other) == of_binary(document)


@settings(max_examples=200, deadline=None)
@given(BINARIES, st.integers(-3, 3))
def test_another_way_to_write_a_model_has_no_meaning(document: dict[str, Any], part: int) -> None:
    variables = [label for label, _ in document["linear"]]
    wholes = [term for term in document["quadratic"] if isinstance(term[2], int)]
    other = document | {
        "linear": [(label, float(bias)) for label, bias in document["linear"]] + [(label, 0) for label in variables],
        "quadratic": [term for term in document["quadratic"] if not isinstance(term[2], int)]
        + [(u, v, bias - part) for u, v, bias in wholes]
        + [(v, u, float(part)) for u, v, bias in wholes]
        + [(variables[0], variables[-1], 0)],
        "offset": float(document["offset"]),
    }
    exact = all(isinstance(bias, int) for *_, bias in [*document["linear"], *document["quadratic"]])
    assume(exact or not wholes)
    assert of_binary(other) == of_binary(document)


@settings(max_examples=200, deadline=None)
@given(BINARIES)
def test_a_model_of_another_meaning_has_another_fingerprint(document: dict[str, Any]) -> None:
    linear, quadratic = document["linear"], document["quadratic"]
    variable = linear[0][0]
    variants = [
        document,
        document | {"vartype": "SPIN" if document["vartype"] == "BINARY" else "BINARY"},
        document | {"offset": document["offset"] + 1},
        document | {"linear": [*linear, (variable, 1)]},
        document | {"linear": [*linear, ("new", 0)]},
        document | {"linear": [*linear, (77, 0)]},
        document | {"linear": [*linear, ("77", 0)]},
        document | {"quadratic": [*quadratic, (variable, "new", 1)]},
        document | {"quadratic": [*quadratic, (variable, "new", 1.5)]},
    ]
    assert len({of_binary(variant) for variant in variants}) == len(variants)


def test_three_doubles_add_up_to_one_sum_in_every_order() -> None:
    documents = [
        {"kind": "binary", "quadratic": [["x", "y", bias] for bias in order]}
        for order in ([0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.3, 0.1])
    ]
    assert len({of_binary(document) for document in documents}) == 1


@pytest.mark.parametrize(
    ("file", "known"),
    [
        ("wheel.txt", "fd36363b29775d091f673d6ac71c1026aec9fb6dd28083f3bf57ee4f57f578bc"),
        ("five.def", "96100c215a2adda1807fd8cb240431c547e8c4cafa75462b39985e18f5f717a2"),
    ],
)
def test_a_fingerprint_stays_what_it_was(file: str, known: str) -> None:
    assert fingerprint(read_problem((DATA / file).read_bytes(), name=file)) == known, "raise VERSION with the form"

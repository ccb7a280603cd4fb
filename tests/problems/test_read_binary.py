"""Reading binary models: terms in any order and number become one model, exactly."""

import json
from fractions import Fraction
from itertools import product
from typing import Any

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import ENERGY_MAX, Label, ProblemInvalid, ProblemTooLarge
from quantum_scheduler.problems.read import read_document, read_problem, write_document


def read(**parts: Any) -> BinaryProblem:
    problem = read_document(json.dumps({"kind": "binary", **parts}).encode())
    assert isinstance(problem, BinaryProblem)
    return problem


def pairs(problem: BinaryProblem) -> list[tuple[Label, Label, float]]:
    ends = zip(problem.head.tolist(), problem.tail.tolist(), problem.weight.tolist(), strict=True)
    return [(problem.labels[u], problem.labels[v], weight) for u, v, weight in ends]


def refusal(**parts: Any) -> ProblemInvalid:
    with pytest.raises(ProblemInvalid) as caught:
        read(**parts)
    return caught.value


def test_variables_keep_the_order_in_which_they_appear() -> None:
    problem = read(linear=[["z", 1]], quadratic=[["b", "a", 2], ["z", "c", 3]])
    assert problem.labels == ("z", "b", "a", "c")
    assert pairs(problem) == [("z", "c", 3), ("b", "a", 2)]


def test_pairs_are_sorted_by_head_then_tail_in_small_integers() -> None:
    problem = read(linear=[["a", 0], ["b", 0], ["c", 0]], quadratic=[["c", "b", 1], ["c", "a", 2], ["b", "a", 3]])
    assert (problem.head.tolist(), problem.tail.tolist()) == ([0, 0, 1], [1, 2, 2])
    assert problem.head.dtype == problem.tail.dtype == np.int32


def test_repeated_and_reversed_terms_add_up() -> None:
    problem = read(linear=[["x", 1], ["x", 2]], quadratic=[["x", "y", 5], ["y", "x", -2]])
    assert problem.linear.tolist() == [3, 0]
    assert pairs(problem) == [("x", "y", 3)]


def test_a_pair_that_cancels_out_keeps_its_variables() -> None:
    problem = read(quadratic=[["x", "y", 5], ["y", "x", -5], ["u", "v", 0]])
    assert problem.labels == ("x", "y", "u", "v")
    assert pairs(problem) == []


def test_a_variable_paired_with_itself_is_linear_when_binary_and_constant_when_spin() -> None:
    terms = {"quadratic": [["x", "x", 3], ["x", "y", 1]], "linear": [["x", 1]], "offset": 2}
    binary, spin = read(**terms), read(vartype="SPIN", **terms)
    assert (binary.linear.tolist(), binary.offset) == ([4, 0], 2)
    assert (spin.linear.tolist(), spin.offset) == ([1, 0], 5)


def test_a_number_and_its_text_are_two_variables() -> None:
    assert read(linear=[[1, 5], ["1", 7]]).labels == (1, "1")


def test_a_model_of_whole_numbers_is_integral_however_they_are_written() -> None:
    problem = read(linear=[["x", 2.0]], quadratic=[["x", "y", -1e3]], offset=0.0)
    assert problem.integral
    assert {problem.linear.dtype, problem.weight.dtype} == {np.dtype(np.int64)}
    assert isinstance(problem.offset, int)


@pytest.mark.parametrize(
    "fraction", [{"linear": [["x", 0.5]]}, {"quadratic": [["x", "y", 0.5]]}, {"linear": [["x", 1]], "offset": 0.5}]
)
def test_one_fraction_makes_every_coefficient_a_double(fraction: dict[str, Any]) -> None:
    problem = read(**fraction)
    assert not problem.integral
    assert {problem.linear.dtype, problem.weight.dtype} == {np.dtype(np.float64)}
    assert isinstance(problem.offset, float)


def test_the_largest_energy_is_exact_and_one_more_is_refused() -> None:
    assert read(linear=[["x", ENERGY_MAX]]).linear.tolist() == [ENERGY_MAX]
    assert read(linear=[["x", 1]], offset=1 - ENERGY_MAX).offset == 1 - ENERGY_MAX
    assert "together" in refusal(linear=[["x", 1]], offset=ENERGY_MAX).issues[0].reason
    assert refusal(linear=[["x", ENERGY_MAX + 1]]).issues[0].field == "linear[0][1]"


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"linear": [["x", float("nan")]]}, "linear[0][1]"),
        ({"quadratic": [["x", "y", 1], ["x", "y", float("-inf")]]}, "quadratic[1][2]"),
        ({"linear": [["x", 10**400]]}, "linear[0][1]"),
        ({"linear": [["x", "1"]]}, "linear[0][1]"),
        ({"linear": [[True, 1]]}, "linear[0][0]"),
        ({"linear": [[1.0, 1]]}, "linear[0][0]"),
        ({"linear": [[None, 1]]}, "linear[0][0]"),
        ({"linear": [["x" * 201, 1]]}, "linear[0][0]"),
        ({"linear": [["a\x1b[2J", 1]]}, "linear[0][0]"),
        ({"linear": [["x"]]}, "linear[0][1]"),
        ({"linear": [["x", 1, 2]]}, "linear[0]"),
        ({"linear": ["x"]}, "linear[0]"),
        ({"linear": {"x": 1}}, "linear"),
        ({"vartype": "TERNARY", "linear": [["x", 1]]}, "vartype"),
        ({"offset": 1}, ""),
        ({"bqm": {}, "offset": 1, "linear": []}, "bqm.type"),
    ],
)
def test_a_bad_term_is_named(parts: dict[str, Any], field: str) -> None:
    error = refusal(**parts)
    assert error.issues[0].field == field
    assert not isinstance(error, ProblemTooLarge)


def test_a_number_that_overflows_a_double_is_refused() -> None:
    with pytest.raises(ProblemInvalid, match="finite"):
        read_document(b'{"kind": "binary", "linear": [["x", 1e999]]}')


def test_too_many_variables_are_too_many() -> None:
    assert isinstance(refusal(linear=[[at, 1] for at in range(100_001)]), ProblemTooLarge)


LABELS = st.integers(0, 3) | st.sampled_from(["0", "a", "b"])
NUMBERS = st.integers(-9, 9) | st.floats(-9, 9).map(lambda number: round(number, 3))
BIASES = st.lists(st.tuples(LABELS, NUMBERS), min_size=1, max_size=8)
COUPLINGS = st.lists(st.tuples(LABELS, LABELS, NUMBERS), max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["BINARY", "SPIN"]), BIASES, COUPLINGS, NUMBERS)
def test_every_assignment_has_the_energy_of_the_terms_as_they_were_written(
    vartype: str, linear: list[Any], quadratic: list[Any], offset: float
) -> None:
    problem = read(vartype=vartype, linear=linear, quadratic=quadratic, offset=offset)
    values = (0, 1) if vartype == "BINARY" else (-1, 1)
    for assignment in product(values, repeat=len(problem.labels)):
        x = dict(zip(problem.labels, assignment, strict=True))
        written = Fraction(offset) + sum(Fraction(bias) * x[v] for v, bias in linear)
        written += sum(Fraction(bias) * x[u] * x[v] for u, v, bias in quadratic)
        held = Fraction(problem.offset)
        held += sum(Fraction(bias) * x[v] for v, bias in zip(problem.labels, problem.linear.tolist(), strict=True))
        held += sum(Fraction(bias) * x[u] * x[v] for u, v, bias in pairs(problem))
        assert float(held) == pytest.approx(float(written), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["BINARY", "SPIN"]), BIASES, COUPLINGS, NUMBERS)
def test_a_model_comes_back_as_it_was_written(vartype: str, linear: Any, quadratic: Any, offset: float) -> None:
    problem = read(vartype=vartype, linear=linear, quadratic=quadratic, offset=offset)
    again = read_document(write_document(problem))
    assert isinstance(again, BinaryProblem)
    assert again.to_document() == problem.to_document()
    assert again.integral == problem.integral


def serialised(**changes: Any) -> dict[str, Any]:
    bqm = dimod.BinaryQuadraticModel({"a": 1, 7: 2.5}, {("a", 7): -1}, 0.5, "SPIN")
    return {**bqm.to_serializable(), **changes}


def test_a_model_that_dimod_wrote_is_read_bare_and_wrapped() -> None:
    bare = read_problem(json.dumps(serialised()).encode())
    assert isinstance(bare, BinaryProblem)
    assert bare.to_bqm() == dimod.BinaryQuadraticModel({"a": 1, 7: 2.5}, {("a", 7): -1}, 0.5, "SPIN")
    assert read(bqm=serialised()).to_document() == bare.to_document()


def test_a_document_of_ours_may_speak_of_dimods_type() -> None:
    problem = read(linear=[["BinaryQuadraticModel", 1]])
    assert problem.labels == ("BinaryQuadraticModel",)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"use_bytes": True}, "use_bytes", "use_bytes=False"),
        ({"linear_biases": "AAAA"}, "linear_biases", "must be a list"),
        ({"variable_labels": ["a", [1, 2]]}, "variable_labels[1]", "whole number, or text"),
        ({"variable_labels": ["a", "a"]}, "variable_labels", "twice"),
        ({"linear_biases": [1.0]}, "linear_biases", "must hold 2"),
        ({"quadratic_head": []}, "quadratic_head", "must hold 1"),
        ({"quadratic_tail": [2]}, "quadratic_tail", "past the last"),
        ({"quadratic_tail": [-1]}, "quadratic_tail[0]", "at least 0"),
        ({"quadratic_biases": [float("nan")]}, "quadratic_biases[0]", "finite"),
        ({"variable_type": "INTEGER"}, "variable_type", "'BINARY' or 'SPIN'"),
    ],
)
def test_a_serialised_model_that_is_damaged_is_refused(changes: dict[str, Any], field: str, reason: str) -> None:
    document = serialised(**changes)
    with pytest.raises(ProblemInvalid) as bare:
        read_problem(json.dumps(document).encode())
    assert bare.value.issues[0].field == field
    assert reason in bare.value.issues[0].reason
    assert refusal(bqm=document).issues[0].field == f"bqm.{field}"


def test_a_serialised_model_stands_alone() -> None:
    assert refusal(bqm=serialised(), offset=1).issues[0].field == "offset"

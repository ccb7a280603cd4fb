"""QuantumSchedulerSampler is a dimod sampler: dimod's own tests, and what it promises beside them."""

import unittest
from typing import Any

import dimod
import dimod.testing
import numpy as np
import pytest

from quantum_scheduler import BackendUnknown, ProblemInvalid, QuantumSchedulerSampler

RING = {(at, (at + 1) % 5): 1.0 for at in range(5)}


# dimod's test kit is untyped.
@dimod.testing.load_sampler_bqm_tests(QuantumSchedulerSampler)  # type: ignore[no-untyped-call]
class TestAsDimodTestsIt(unittest.TestCase):
    def test_it_has_the_api_of_a_sampler(self) -> None:
        sampler = QuantumSchedulerSampler()
        dimod.testing.assert_sampler_api(sampler)  # type: ignore[no-untyped-call]
        assert set(sampler.properties) >= {name for names in sampler.parameters.values() for name in names}


def sample(bqm: dimod.BinaryQuadraticModel, **parameters: Any) -> dimod.SampleSet:
    return QuantumSchedulerSampler().sample(bqm, **{"time_limit_s": 0.2, **parameters})


@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_the_best_state_has_the_labels_vartype_and_energy_of_the_model(vartype: str, dtype: type) -> None:
    labels = [("a", 1), "b", 7, frozenset({2}), 0]
    linear = dict(zip(labels, [0.5, -0.25, 0.75, -1.5, 0.125], strict=True))
    pairs = {(labels[u], labels[v]): bias for (u, v), bias in RING.items()}
    bqm = dimod.BinaryQuadraticModel(linear, pairs, 0.5, vartype, dtype=dtype)
    found = sample(bqm)
    exact = dimod.ExactSolver().sample(bqm).first  # type: ignore[no-untyped-call]
    assert list(found.variables) == list(bqm.variables)
    assert found.vartype is bqm.vartype
    assert found.first.sample == exact.sample
    assert found.first.energy == pytest.approx(exact.energy)
    assert found.info["bound"] == pytest.approx(exact.energy)
    assert (found.info["status"], found.info["verified"]) == ("optimal", True)


def test_a_fractional_offset_beside_whole_biases_is_kept() -> None:
    found = sample(dimod.BinaryQuadraticModel({"a": 1, "b": -2}, {("a", "b"): 3}, 1.5, "SPIN", dtype=object))
    assert found.first.energy == found.info["bound"] == -4.5


def test_each_read_is_one_row_and_the_same_seed_gives_the_same_rows() -> None:
    bqm = dimod.generators.gnp_random_bqm(40, 0.3, "SPIN", random_state=5)
    first, again = (sample(bqm, num_reads=3, seed=11, time_limit_s=3) for _ in range(2))
    assert len(first) == 3
    assert np.array_equal(first.record.sample, again.record.sample)
    dimod.testing.assert_sampleset_energies(first, bqm)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("method", ["auto", "tabu", "multispin", "anneal", "exchange", "sampler"])
def test_each_method_finds_the_ground_state_and_ends_at_a_target(method: str) -> None:
    bqm = dimod.generators.gnp_random_bqm(40, 0.9, "SPIN", random_state=5)
    least = sample(bqm).first.energy
    found = sample(bqm, method=method, target=least + 1e-9, time_limit_s=60)
    assert found.first.energy == pytest.approx(least)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("target", "low", "target must be"),
        ("target", float("inf"), "target must be"),
        ("flips_max", 0, "flips_max must be"),
        ("flips_max", 1.5, "flips_max must be"),
        ("method", "list", "choose from auto, tabu"),
    ],
)
def test_a_wrong_limit_or_method_is_refused(name: str, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sample(dimod.BinaryQuadraticModel({"a": 1}, {}, 0, "SPIN"), **{name: value})


def test_so_many_flips_are_the_same_answer_however_long_it_may_take() -> None:
    bqm = dimod.generators.gnp_random_bqm(200, 0.5, "SPIN", random_state=5)
    first, again = (sample(bqm, flips_max=500, time_limit_s=limit_s, seed=4) for limit_s in (60, 120))
    assert np.array_equal(first.record.sample, again.record.sample)


def test_an_empty_model_has_one_empty_sample_for_each_read() -> None:
    found = sample(dimod.BinaryQuadraticModel({}, {}, 1.5, "SPIN"), num_reads=2)
    assert (found.record.sample.shape, found.record.energy.tolist()) == ((2, 0), [1.5, 1.5])
    assert dict(found.first.sample) == {}
    assert found.info["status"] == "optimal"


def test_an_unknown_parameter_is_warned_of_and_ignored() -> None:
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="num_sweeps"):
        found = QuantumSchedulerSampler().sample_ising({}, RING, num_sweeps=10)
    assert found.first.energy == -3


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"num_reads": 0}, "num_reads must be a whole number from 1 to 10,000, not 0"),
        ({"num_reads": 1.5}, r"num_reads must be a whole number from 1 to 10,000, not 1\.5"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"threads": True}, "threads must be a whole number from 1 to 256, not True"),
        ({"time_limit_s": float("nan")}, "time_limit_s must be a number from 0.01 to 3,600.0, not nan"),
    ],
)
def test_a_parameter_out_of_range_is_named(parameters: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sample(dimod.BinaryQuadraticModel({}, RING, "SPIN"), **parameters)


def test_a_backend_that_is_not_installed_is_named() -> None:
    with pytest.raises(BackendUnknown, match="'nowhere'"):
        sample(dimod.BinaryQuadraticModel({}, RING, "SPIN"), backend="nowhere")


@pytest.mark.parametrize("bias", [float("nan"), float("inf"), 1e300])
def test_a_bias_that_no_energy_can_hold_is_refused(bias: float) -> None:
    with pytest.raises(ProblemInvalid):
        sample(dimod.BinaryQuadraticModel({"a": bias}, {}, "SPIN"))

"""The one-layer QAOA: its closed form against the circuit, its circuit in OpenQASM, its answers."""

import numpy as np
import pytest

from quantum_scheduler.backends.credentials import use_credentials
from quantum_scheduler.backends.model import BackendError
from quantum_scheduler.backends.qaoa.angles import Angles, choose_angles
from quantum_scheduler.backends.qaoa.candidates import Batch, answer_samples
from quantum_scheduler.backends.qaoa.ising import Bits, Ising, read_ising
from quantum_scheduler.backends.qaoa.limits import PAIRS_MAX, explain_density, read_shots
from quantum_scheduler.backends.qaoa.openqasm import write_openqasm
from quantum_scheduler.backends.spins import SpinModel
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.verify import verify
from quantum_scheduler.testing.conformance import fractional_model, least_energy, tiny_model
from quantum_scheduler.testing.openqasm import read_program
from quantum_scheduler.testing.state_vector import sample_circuit

SHOTS = 40_000
MODELS = [tiny_model("BINARY"), tiny_model("SPIN"), fractional_model()]
MODEL_NAMES = ["binary", "spin", "fractions"]
GATES = [frozenset({"zz"}), frozenset({"cnot"})]


def sample(ising: Ising, angles: Angles, *, gates: frozenset[str], shots: int = SHOTS) -> Bits:
    program = read_program(write_openqasm(ising, angles, gates=gates))
    return sample_circuit(program.gates, program.measured, shots=shots, rng=np.random.default_rng(5))


@pytest.mark.parametrize("gates", GATES, ids=["zz", "cnot"])
@pytest.mark.parametrize("problem", MODELS, ids=MODEL_NAMES)
def test_the_circuit_measures_the_mean_energy_that_the_closed_form_foretells(
    problem: BinaryProblem, gates: frozenset[str]
) -> None:
    model = SpinModel(problem)
    ising = read_ising(model)
    pairs = choose_angles(ising)
    for angles in (pairs[0], pairs[7], pairs[-1]):
        energies = model.energies(1 - 2 * sample(ising, angles, gates=gates).astype(np.int8))
        # Six standard errors: a million runs in a billion stay within.
        assert abs(energies.mean() - angles.mean_energy) < 6 * energies.std() / np.sqrt(SHOTS)


@pytest.mark.parametrize("problem", MODELS, ids=MODEL_NAMES)
def test_the_first_pair_of_angles_is_the_best_and_better_than_chance(problem: BinaryProblem) -> None:
    ising = read_ising(SpinModel(problem))
    energies = [angles.mean_energy for angles in choose_angles(ising)]
    assert len(energies) == 20
    assert min(energies) == energies[0] < ising.offset


def test_the_angles_do_not_depend_on_the_units_of_the_energy() -> None:
    ising = read_ising(SpinModel(tiny_model("SPIN")))
    thousandfold = Ising(
        field=1000 * ising.field,
        head=ising.head,
        tail=ising.tail,
        coupling=1000 * ising.coupling,
        offset=1000 * ising.offset,
        scale=1000 * ising.scale,
    )
    for one, other in zip(choose_angles(ising), choose_angles(thousandfold), strict=True):
        assert other.gamma == pytest.approx(one.gamma / 1000)
        assert other.beta == pytest.approx(one.beta)
        assert other.mean_energy == pytest.approx(1000 * one.mean_energy)


@pytest.mark.parametrize("problem", MODELS, ids=MODEL_NAMES)
def test_an_answer_tells_what_was_measured_and_not_the_best_of_the_shots(problem: BinaryProblem) -> None:
    model = SpinModel(problem)
    ising = read_ising(model)
    batches = [Batch(angles=a, bits=sample(ising, a, gates=GATES[0], shots=500)) for a in choose_angles(ising, pairs=2)]
    answer = answer_samples(problem, model, batches, {"device": "d"})
    first = model.energies(1 - 2 * batches[0].bits.astype(np.int8))
    both = np.concatenate([model.energies(1 - 2 * batch.bits.astype(np.int8)) for batch in batches])
    least = least_energy(problem)
    assert answer.info["mean_energy"] == pytest.approx(first.mean())
    assert answer.info["probability_of_best"] == pytest.approx(np.isclose(both, float(least)).mean())
    assert (answer.info["shots"], answer.info["angle_pairs"], answer.info["device"]) == (1000, 2, "d")
    assert verify(problem, answer.solutions[0]).objective == pytest.approx(least)
    assert not answer.reproducible


def test_a_single_variable_has_a_circuit_too() -> None:
    none = np.zeros(0, dtype=np.int32)
    problem = BinaryProblem(
        vartype="BINARY", labels=("x",), linear=np.array([-3]), head=none, tail=none, weight=none.astype(int), offset=0
    )
    model = SpinModel(problem)
    angles = choose_angles(read_ising(model))[0]
    bits = sample(read_ising(model), angles, gates=GATES[0], shots=100)
    answer = answer_samples(problem, model, [Batch(angles=angles, bits=bits)], {})
    assert answer.claimed_objective == -3


def test_a_model_with_too_many_pairs_for_a_circuit_is_told_so() -> None:
    side = 50
    pairs = np.array([(u, v) for u in range(side) for v in range(u)], dtype=np.int32)
    problem = BinaryProblem(
        vartype="BINARY",
        labels=tuple(range(side)),
        linear=np.zeros(side, dtype=np.int64),
        head=pairs[:, 1],
        tail=pairs[:, 0],
        weight=np.ones(len(pairs), dtype=np.int64),
        offset=0,
    )
    assert f"{PAIRS_MAX:,}" in explain_density(problem)
    assert not explain_density(tiny_model("SPIN"))


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e3", "10001"])
def test_a_number_of_shots_that_is_none_is_refused_by_name(text: str) -> None:
    with use_credentials({"IBM_SHOTS": text}), pytest.raises(BackendError, match="IBM_SHOTS"):
        read_shots("IBM_SHOTS", default=1, most=10_000)

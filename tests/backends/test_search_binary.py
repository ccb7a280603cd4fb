import threading
import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_scheduler.backends.classical.binary import search_binary
from quantum_scheduler.backends.classical.exhaust import VARIABLES_MAX, exhaust_states
from quantum_scheduler.backends.classical.split import split_parts
from quantum_scheduler.backends.energy import measure_energy
from quantum_scheduler.backends.local import Stop
from quantum_scheduler.backends.model import Answer, Limits
from quantum_scheduler.backends.path_integral import plan_reads, sample_paths
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import Number, VarType
from quantum_scheduler.problems.solution import write_solution
from quantum_scheduler.problems.verify import verify

PATIENCE_S = 60.0


def no_report(*, objective: Number | None = None, bound: Number | None = None) -> None:
    pass


def stop_in(seconds: float = PATIENCE_S) -> Stop:
    return Stop(cancelled=threading.Event(), deadline_s=time.monotonic() + seconds)


def random_model(count: int, terms: int, *, seed: int, vartype: VarType = "BINARY", scale: float = 1) -> BinaryProblem:
    """A model of up to `terms` distinct pairs; integral unless `scale` is broken."""
    chance = np.random.default_rng(seed)
    pairs = np.unique(np.sort(chance.integers(0, count, (terms, 2)), axis=1), axis=0)
    head, tail = pairs[pairs[:, 0] < pairs[:, 1]].T.astype(np.int32)
    linear = chance.integers(-20, 21, count)
    weight = chance.choice([-9, -4, -1, 2, 3, 8], len(head))
    return BinaryProblem(
        vartype=vartype,
        labels=tuple(f"v{i}" for i in range(count)),
        linear=linear if scale == 1 else np.float64(scale) * linear,
        head=head,
        tail=tail,
        weight=weight if scale == 1 else np.float64(scale) * weight,
        offset=3 if scale == 1 else 0.25,
    )


def ring(count: int, *, weight: int) -> BinaryProblem:
    """Spins in a ring, each of the opposite sign of its neighbours where it can be."""
    place = np.arange(count, dtype=np.int32)
    return BinaryProblem(
        vartype="SPIN",
        labels=tuple(range(count)),
        linear=np.zeros(count, dtype=np.int64),
        head=np.minimum(place, (place + 1) % count),
        tail=np.maximum(place, (place + 1) % count),
        weight=np.full(count, weight),
        offset=0,
    )


def join(*models: BinaryProblem) -> BinaryProblem:
    """Put models side by side into one."""
    starts = np.cumsum([0, *(len(model.labels) for model in models)])
    parts = list(zip(models, starts, strict=False))
    return BinaryProblem(
        vartype=models[0].vartype,
        labels=tuple(f"{number}|{label}" for number, model in enumerate(models) for label in model.labels),
        linear=np.concatenate([model.linear for model in models]),
        head=np.concatenate([model.head + start for model, start in parts]).astype(np.int32),
        tail=np.concatenate([model.tail + start for model, start in parts]).astype(np.int32),
        weight=np.concatenate([model.weight for model in models]),
        offset=sum(model.offset for model in models),
    )


def search(problem: BinaryProblem, limits: Limits | None = None, stop: Stop | None = None) -> Answer:
    return search_binary(problem, limits or Limits(time_limit_s=1.0), no_report, stop or stop_in())


def energy_of(problem: BinaryProblem, answer: Answer) -> Number:
    verdict = verify(problem, answer.solutions[0])
    assert verdict.feasible
    return verdict.measures["energy"]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(0, 20),
    st.integers(0, 99),
    st.sampled_from(["BINARY", "SPIN"]),
    st.sampled_from([1, 0.37]),
)
def test_a_small_model_is_solved_and_proven(count: int, terms: int, seed: int, vartype: VarType, scale: float) -> None:
    problem = random_model(count, terms, seed=seed, vartype=vartype, scale=scale)
    values = (0, 1) if vartype == "BINARY" else (-1, 1)
    least = min(measure_energy(problem, np.array(state, np.int8)) for state in product(values, repeat=count))
    answer = search(problem)
    assert answer.proof == "optimal"
    assert energy_of(problem, answer) == pytest.approx(least)
    assert answer.bound == answer.claimed_objective == pytest.approx(least)


def test_parts_that_nothing_joins_are_found_however_long_their_chains() -> None:
    order = np.random.default_rng(1).permutation(3000)
    chain = ring(3000, weight=1)
    head, tail = order[chain.head], order[chain.tail]
    shuffled = join(
        random_model(5, 0, seed=1, vartype="SPIN"),
        BinaryProblem(
            vartype="SPIN",
            labels=chain.labels,
            linear=chain.linear,
            head=np.minimum(head, tail).astype(np.int32),
            tail=np.maximum(head, tail).astype(np.int32),
            weight=chain.weight,
            offset=0,
        ),
        ring(3, weight=1),
    )
    assert [len(part) for part in split_parts(shuffled)] == [1] * 5 + [3, 3000]


def test_a_model_of_many_small_parts_is_proven_part_by_part() -> None:
    parts = [ring(count, weight=1) for count in (3, 4, 5, 8, 12)]
    answer = search(join(*parts))
    assert answer.proof == "optimal"
    assert answer.claimed_objective == -1 - 4 - 3 - 8 - 12


def test_small_parts_beside_a_large_one_are_still_exact() -> None:
    large = random_model(60, 600, seed=4, vartype="SPIN")
    problem = join(large, ring(3, weight=1), random_model(4, 0, seed=5, vartype="SPIN"))
    alone = abs(random_model(4, 0, seed=5, vartype="SPIN").linear).sum()
    answer = search(problem)
    assert answer.proof is None
    assert answer.bound is not None
    assert energy_of(problem, answer) == energy_of(large, search(large)) - 1 - alone + 3 > answer.bound


def test_all_states_of_the_largest_small_model_are_looked_at() -> None:
    problem = ring(VARIABLES_MAX, weight=1)
    assert measure_energy(problem, exhaust_states(problem)) == -VARIABLES_MAX


@pytest.mark.parametrize("vartype", ["BINARY", "SPIN"])
def test_the_same_seed_gives_the_same_state_however_busy_the_machine_is(vartype: VarType) -> None:
    problem = random_model(120, 2000, seed=2, vartype=vartype)
    limits = Limits(time_limit_s=0.3, seed=5)
    alone = search(problem, limits)
    beside: list[Answer] = []
    threads = [threading.Thread(target=lambda: beside.append(search(problem, limits))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alone.complete
    assert [answer.solutions for answer in beside] == [alone.solutions] * 3


def test_a_planted_state_of_least_energy_is_found() -> None:
    chance = np.random.default_rng(3)
    planted = chance.choice([-1, 1], 300)
    model = random_model(300, 3000, seed=4, vartype="SPIN")
    weight = -planted[model.head] * planted[model.tail]
    problem = BinaryProblem(
        vartype="SPIN",
        labels=model.labels,
        linear=np.zeros(300, dtype=np.int64),
        head=model.head,
        tail=model.tail,
        weight=weight,
        offset=0,
    )
    assert energy_of(problem, search(problem)) == -len(weight)


def test_the_clock_cuts_a_search_short_and_there_is_still_an_answer() -> None:
    problem = random_model(2000, 20000, seed=6)
    answer = search(problem, Limits(time_limit_s=30.0), stop_in(0.0))
    assert not answer.complete
    assert energy_of(problem, answer) == answer.claimed_objective


def test_the_simulator_hands_on_different_reads_with_the_best_first() -> None:
    problem = random_model(40, 300, seed=8, scale=0.5)
    answer = sample_paths(problem, Limits(time_limit_s=0.5), no_report, stop_in())
    energies = [verify(problem, solution).measures["energy"] for solution in answer.solutions]
    states = {tuple(write_solution(solution)["values"][i][1] for i in range(40)) for solution in answer.solutions}
    assert energies == sorted(energies)
    assert len(states) == len(answer.solutions)
    assert answer.complete


def test_the_simulator_takes_a_model_in_which_nothing_weighs_anything() -> None:
    problem = random_model(1, 0, seed=0, scale=0.0)
    answer = sample_paths(problem, Limits(time_limit_s=0.1), no_report, stop_in())
    assert energy_of(problem, answer) == 0.25


def test_the_simulators_reads_follow_from_the_model_and_the_limit() -> None:
    problem = random_model(500, 5000, seed=9)
    assert plan_reads(problem, 10.0) == plan_reads(problem, 10.0)
    assert plan_reads(problem, 0.001).sweeps == 1

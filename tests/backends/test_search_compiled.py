import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_scheduler.backends.classical.choose import METHODS
from quantum_scheduler.backends.classical.exhaust import exhaust_states
from quantum_scheduler.backends.classical.search.arrange import arrange_rows
from quantum_scheduler.backends.classical.search.bound import bound_energy
from quantum_scheduler.backends.classical.search.build import find_library
from quantum_scheduler.backends.classical.search.model import SearchResult
from quantum_scheduler.backends.classical.search.plan import choose_plans
from quantum_scheduler.backends.classical.search.reduce import reduce_model, write_binary
from quantum_scheduler.backends.classical.search.run import search_binary
from quantum_scheduler.backends.energy import measure_energy
from quantum_scheduler.backends.local import Stop
from quantum_scheduler.backends.model import Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import Number, VarType

BINARY_METHODS = METHODS["binary"]
# Integers; doubles that are integers after some doublings; doubles that never are.
SCALES = (1, 0.25, 0.1)
PATIENCE_S = 60.0


def model(count: int, density: float, *, seed: int, vartype: VarType = "BINARY", scale: float = 1) -> BinaryProblem:
    chance = np.random.default_rng(seed)
    head, tail = np.nonzero(np.triu(chance.random((count, count)) < density, 1))
    linear, weight = chance.integers(-9, 10, count), chance.choice([-9, -5, -2, 1, 3, 7], len(head))
    return BinaryProblem(
        vartype=vartype,
        labels=tuple(range(count)),
        linear=linear if scale == 1 else np.float64(scale) * linear,
        head=head.astype(np.int32),
        tail=tail.astype(np.int32),
        weight=weight if scale == 1 else np.float64(scale) * weight,
        offset=5 if scale == 1 else 0.5,
    )


def search(
    problem: BinaryProblem,
    *,
    report: Callable[[Number], None] = lambda _: None,
    cancelled: threading.Event | None = None,
    **limits: Any,
) -> SearchResult:
    asked = Limits(**{"time_limit_s": 0.05, "seed": 1, **limits})
    deadline_s = time.monotonic() + asked.time_limit_s
    return search_binary(problem, asked, report, Stop(cancelled=cancelled or threading.Event(), deadline_s=deadline_s))


def least_energy(problem: BinaryProblem) -> Number:
    return measure_energy(problem, exhaust_states(problem))


models = st.builds(
    model,
    st.integers(1, 14),
    st.sampled_from([0.0, 0.15, 0.3, 1.0]),
    seed=st.integers(0, 2**32),
    vartype=st.sampled_from(["BINARY", "SPIN"]),
    scale=st.sampled_from(SCALES),
)


def test_the_kernels_compile_here() -> None:
    assert find_library().exists()


@given(models)
@settings(deadline=None, max_examples=150)
def test_small_models_are_solved_to_their_least_energy(problem: BinaryProblem) -> None:
    found = search(problem, target=least_energy(problem))
    assert found.energy == measure_energy(problem, found.values)
    assert found.energy == pytest.approx(least_energy(problem), abs=1e-9)
    assert set(np.unique(found.values)) <= ({0, 1} if problem.vartype == "BINARY" else {-1, 1})


@given(models)
@settings(deadline=None, max_examples=150)
def test_a_reduction_keeps_a_best_state(problem: BinaryProblem) -> None:
    binary = write_binary(problem)
    reduction = reduce_model(binary, removals_max=100)
    rest = reduction.model
    values = exhaust_states(rest) if len(reduction.kept) else np.empty(0, dtype=np.int8)
    assert measure_energy(binary, reduction.lift(values)) == pytest.approx(least_energy(binary), abs=1e-9)
    assert rest.integral == problem.integral


@pytest.mark.parametrize("method", BINARY_METHODS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("vartype", ["BINARY", "SPIN"])
def test_each_method_alone_finds_the_least_energy(method: str, scale: float, vartype: VarType) -> None:
    problem = model(22, 0.6, seed=7, vartype=vartype, scale=scale)
    found = search(problem, method=method, time_limit_s=5.0, target=least_energy(problem) + 1e-9)
    assert found.energy == pytest.approx(least_energy(problem), abs=1e-9)
    # Doubles have no unit to count neighbours in.
    assert found.method == ("anneal" if (method, scale) == ("multispin", 0.1) else method)


def test_a_tree_is_solved_by_reduction_alone() -> None:
    count = 500
    tail = np.arange(1, count, dtype=np.int32)
    problem = BinaryProblem(
        vartype="SPIN",
        labels=tuple(range(count)),
        linear=np.zeros(count, dtype=np.int64),
        head=(tail - 1) // 2,
        tail=tail,
        weight=np.full(count - 1, 3),
        offset=0,
    )
    found = search(problem)
    assert (found.energy, found.proven, found.method) == (-3 * (count - 1), True, "reduction")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("method", ["auto", *BINARY_METHODS])
@pytest.mark.parametrize("scale", [1, 0.1])
def test_the_same_seed_gives_the_same_answer(method: str, threads: int, scale: float) -> None:
    problem = model(60, 0.2, seed=3, scale=scale)
    # It settles after a fraction of a second's work, so that no machine is so busy that the clock cuts it.
    first, second = (
        search(problem, method=method, threads=threads, time_limit_s=PATIENCE_S, seed=11) for _ in range(2)
    )
    assert (first.complete, second.complete) == (True, True)
    assert np.array_equal(first.values, second.values)
    assert first.work == second.work


def test_other_seeds_search_elsewhere() -> None:
    problem = model(400, 0.05, seed=3)
    works = {search(problem, method="anneal", seed=seed, time_limit_s=0.1).work for seed in range(3)}
    assert len(works) == 3


def test_a_target_ends_the_search() -> None:
    problem = model(200, 0.2, seed=5)
    quick = search(problem, time_limit_s=0.2)
    found = search(problem, time_limit_s=3600.0, target=quick.energy)
    assert found.energy <= quick.energy


def test_stop_ends_the_search_with_the_best_so_far() -> None:
    problem, stop = model(3000, 0.01, seed=5), threading.Event()
    reported: list[Number] = []

    def note(energy: Number) -> None:
        reported.append(energy)
        stop.set()

    found = search(problem, time_limit_s=3600.0, cancelled=stop, report=note, threads=2)
    assert not found.complete
    assert found.energy == measure_energy(problem, found.values) <= reported[-1]


@pytest.mark.parametrize("method", ["tabu", "multispin", "anneal", "exchange"])
def test_so_many_flips_end_the_search_where_it_would_have_ended_again(method: str) -> None:
    problem = model(300, 0.1, seed=5)
    few, again, many = (
        search(problem, time_limit_s=PATIENCE_S, method=method, flips_max=flips) for flips in (2_000, 2_000, 200_000)
    )
    assert few.complete
    assert few.work == again.work < many.work
    assert np.array_equal(few.values, again.values)
    assert few.energy >= many.energy


@given(models)
@settings(deadline=None, max_examples=100)
def test_no_state_goes_below_the_bound(problem: BinaryProblem) -> None:
    binary = write_binary(problem)
    assert bound_energy(binary) <= least_energy(binary) + 1e-9
    found = search(problem)
    assert found.bound <= found.energy
    assert found.proven or found.bound <= least_energy(problem)


def test_a_state_as_low_as_the_bound_is_proven_and_ends_the_search() -> None:
    count = 60
    head, tail = np.nonzero(np.triu(np.ones((count, count)), 1))
    problem = BinaryProblem(
        vartype="SPIN",
        labels=tuple(range(count)),
        linear=np.zeros(count, dtype=np.int64),
        head=head.astype(np.int32),
        tail=tail.astype(np.int32),
        weight=np.full(len(head), -2),
        offset=1,
    )
    found = search(problem, time_limit_s=3600.0)
    least = 1 - 2 * len(head)
    assert (found.energy, found.bound, found.proven, found.complete) == (least, least, True, True)


def test_many_parts_are_each_solved() -> None:
    part = model(14, 0.5, seed=3)
    count = 700
    problem = BinaryProblem(
        vartype="BINARY",
        labels=tuple(range(14 * count)),
        linear=np.tile(np.asarray(part.linear, dtype=np.int64), count),
        head=np.concatenate([part.head + 14 * k for k in range(count)]).astype(np.int32),
        tail=np.concatenate([part.tail + 14 * k for k in range(count)]).astype(np.int32),
        weight=np.tile(np.asarray(part.weight, dtype=np.int64), count),
        offset=0,
    )
    best = count * (least_energy(part) - part.offset)
    assert search(problem, time_limit_s=PATIENCE_S, target=best).energy == best


def test_the_time_limit_ends_the_search() -> None:
    problem = model(2000, 0.02, seed=5)
    began_s = time.monotonic()
    found = search(problem, time_limit_s=0.1)
    assert time.monotonic() - began_s < PATIENCE_S
    assert found.energy == measure_energy(problem, found.values)


def test_reports_fall_down_to_the_answer() -> None:
    reported: list[Number] = []
    found = search(model(300, 0.1, seed=9), time_limit_s=0.3, report=reported.append)
    assert reported == sorted(reported, reverse=True)
    assert reported[-1] == found.energy


def torus(side: int, *, scale: float = 1) -> BinaryProblem:
    place = np.arange(side * side).reshape(side, side)
    ends = np.concatenate([np.stack([place, np.roll(place, 1, axis)], -1).reshape(-1, 2) for axis in (0, 1)])
    still = np.zeros(side * side, dtype=np.int64)
    return BinaryProblem(
        vartype="SPIN",
        labels=tuple(range(side * side)),
        linear=still if scale == 1 else still.astype(np.float64),
        head=ends.min(1).astype(np.int32),
        tail=ends.max(1).astype(np.int32),
        weight=np.random.default_rng(1).choice([-scale, scale, 3 * scale], len(ends)),
        offset=0,
    )


@pytest.mark.parametrize(
    ("problem", "method"),
    [
        (model(200, 0.3, seed=1), "tabu"),
        (torus(20), "multispin"),
        (model(500, 0.03, seed=1), "multispin"),
        (torus(20, scale=0.1), "exchange"),
        (model(500, 0.03, seed=1, scale=0.1), "anneal"),
    ],
)
def test_a_model_gets_the_method_of_its_kind(problem: BinaryProblem, method: str) -> None:
    assert choose_plans(arrange_rows(write_binary(problem)), 1)[0][0][0] == method

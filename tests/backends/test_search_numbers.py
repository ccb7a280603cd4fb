"""Numbers of any size are searched as well as small integers: large ones exactly, whatever their unit."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.choose import METHODS
from quantum_scheduler.backends.classical.exhaust import exhaust_states
from quantum_scheduler.backends.classical.search.arrange import MatrixTooLarge, arrange_matrix, arrange_rows
from quantum_scheduler.backends.classical.search.model import SearchResult
from quantum_scheduler.backends.classical.search.run import search_binary
from quantum_scheduler.backends.energy import measure_energy
from quantum_scheduler.backends.local import Stop
from quantum_scheduler.backends.model import Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import ENERGY_MAX

PATIENCE_S = 60.0


def dense(numbers: NDArray[np.int64] | NDArray[np.float64], count: int) -> BinaryProblem:
    """A model of `count` variables, all of them joined, with the numbers as weights and no other terms."""
    head, tail = np.nonzero(np.triu(np.ones((count, count)), 1))
    return BinaryProblem(
        vartype="BINARY",
        labels=tuple(range(count)),
        linear=0 * numbers[:count],
        head=head.astype(np.int32),
        tail=tail.astype(np.int32),
        weight=numbers[: len(head)],
        offset=0,
    )


def search(problem: BinaryProblem, limits: Limits) -> SearchResult:
    stop = Stop(cancelled=threading.Event(), deadline_s=time.monotonic() + PATIENCE_S)
    return search_binary(problem, limits, lambda _: None, stop)


@pytest.fixture(scope="module")
def huge() -> tuple[BinaryProblem, int]:
    """A model whose energies reach 2^52 and whose best differ in their last digits, and its least energy."""
    chance = np.random.default_rng(8)
    weight = chance.choice([-1, 1], 210) * 2**44 + chance.integers(-9, 10, 210)
    assert int(np.abs(weight).sum()) < ENERGY_MAX
    problem = dense(weight, 21)
    return problem, int(measure_energy(problem, exhaust_states(problem)))


@pytest.mark.parametrize("method", ["auto", *METHODS["binary"]])
def test_integers_past_32_bits_are_told_apart_to_the_last_digit(huge: tuple[BinaryProblem, int], method: str) -> None:
    problem, least = huge
    found = search(problem, Limits(time_limit_s=PATIENCE_S, method=method, target=least))
    assert isinstance(found.energy, int)
    assert found.energy == least


@pytest.mark.parametrize("method", METHODS["binary"])
@pytest.mark.parametrize("exponent", [-1000, 40])
def test_the_unit_of_the_weights_changes_nothing(method: str, exponent: int) -> None:
    weight = np.random.default_rng(3).normal(size=780)
    problem, scaled = dense(weight, 40), dense(np.ldexp(weight, exponent), 40)
    limits = Limits(time_limit_s=PATIENCE_S, method=method, seed=2, flips_max=20_000)
    first, second = search(problem, limits), search(scaled, limits)
    assert np.array_equal(first.values, second.values)
    assert second.energy == np.ldexp(first.energy, exponent)


def test_a_large_common_divisor_leaves_small_integers() -> None:
    rows = arrange_rows(dense(np.random.default_rng(3).integers(-5, 6, 780) * 2**33, 40))
    assert rows.exact
    assert rows.unit == 2**33
    assert np.abs(rows.weight).max() == 5


def test_the_stand_in_for_kernels_keeps_to_its_work_however_large_the_model() -> None:
    count = 20_000
    chance = np.random.default_rng(5)
    head, tail = chance.integers(0, count // 2, 60_000), chance.integers(count // 2, count, 60_000)
    pairs = np.unique(np.stack([head, tail]), axis=1).astype(np.int32)
    problem = replace(
        dense(np.ones(2, dtype=np.int64), 2),
        labels=tuple(range(count)),
        linear=np.zeros(count, dtype=np.int64),
        head=pairs[0],
        tail=pairs[1],
        weight=chance.choice([-7, 1, 5], pairs.shape[1]),
    )
    found = search(problem, Limits(time_limit_s=0.05, method="sampler"))
    assert found.complete
    assert found.energy == measure_energy(problem, found.values) < 0
    # Five million updates are what the limit buys.
    assert found.work < 7e6


def test_a_matrix_that_would_not_fit_in_memory_is_refused() -> None:
    count = 33_000
    pair = np.array([0], dtype=np.int32)
    problem = replace(
        dense(np.ones(2, dtype=np.int64), 2),
        labels=tuple(range(count)),
        linear=np.zeros(count, dtype=np.int64),
        head=pair,
        tail=pair + 1,
        weight=np.array([3]),
    )
    with pytest.raises(MatrixTooLarge, match="33,000 variables, of int16"):
        arrange_matrix(arrange_rows(problem))

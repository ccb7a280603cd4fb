"""The solvers of binary models. Each returns the best state it found, by position, in the problem's vartype."""

from collections.abc import Callable, Sequence

import dimod
import numpy as np
from benchmarks.contest.clock import CpuClock, CpuStop
from numpy.typing import NDArray

from quantum_scheduler.backends.energy import State, measure_energy
from quantum_scheduler.backends.model import Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import BinarySolution

# Above this many pair terms the linear models of CP-SAT and HiGHS are not worth their memory.
LINEARISED_MAX = 20_000
SWEEPS = 100
TABU_S = 0.05

Samples = Callable[[dimod.BinaryQuadraticModel, int, int], dimod.SampleSet]


def solve_ours(problem: BinaryProblem, clock: CpuClock, seed: int) -> State | None:
    """The classical backend, through its own search."""
    from quantum_scheduler.backends.classical import ClassicalBackend  # noqa: PLC0415  a peer loads only itself

    limits = Limits(time_limit_s=clock.budget_s, seed=seed, threads=1)
    stop = CpuStop(clock)
    done = clock.when_over(stop.cancelled.set)
    answer = ClassicalBackend().load_search(problem)(limits, lambda **_: None, stop)
    done.set()
    best = answer.solutions[0]
    assert isinstance(best, BinarySolution)
    return np.array([best.values[label] for label in problem.labels], dtype=np.int8)


def solve_dwave_sa(problem: BinaryProblem, clock: CpuClock, seed: int) -> State | None:
    """dwave-samplers' simulated annealing: single reads of ever more sweeps, the last one as long as the rest."""
    from dwave.samplers import SimulatedAnnealingSampler  # noqa: PLC0415

    sampler = SimulatedAnnealingSampler()  # type: ignore[no-untyped-call]

    def sample(bqm: dimod.BinaryQuadraticModel, sweeps: int, number: int) -> dimod.SampleSet:
        found: dimod.SampleSet = sampler.sample(bqm, num_reads=1, num_sweeps=sweeps, seed=number)
        return found

    return _anneal(problem, clock, seed, sample)


def solve_openjij(problem: BinaryProblem, clock: CpuClock, seed: int) -> State | None:
    """OpenJij's simulated annealing, in the same rounds."""
    import openjij  # noqa: PLC0415

    sampler = openjij.SASampler()

    def sample(bqm: dimod.BinaryQuadraticModel, sweeps: int, number: int) -> dimod.SampleSet:
        found: dimod.SampleSet = sampler.sample(bqm, num_reads=1, num_sweeps=sweeps, seed=number)
        return found

    return _anneal(problem, clock, seed, sample)


def solve_dwave_tabu(problem: BinaryProblem, clock: CpuClock, seed: int) -> State | None:
    """dwave-samplers' tabu search: runs of ever longer timeouts, each from the best state so far."""
    from dwave.samplers import TabuSampler  # noqa: PLC0415

    sampler = TabuSampler()  # type: ignore[no-untyped-call]
    bqm = _label_by_position(problem)
    best = _Best(problem)
    span_s = TABU_S
    while clock.left_s():
        timeout_ms = max(1, int(1000 * min(span_s, clock.left_wall_s())))
        start = None if best.state is None else (best.state, range(len(problem.labels)))
        best.take(sampler.sample(bqm, num_reads=1, timeout=timeout_ms, seed=seed, initial_states=start))
        seed, span_s = seed + 1000, 2 * span_s
    return best.state


def solve_cp_sat(problem: BinaryProblem, clock: CpuClock, seed: int) -> State | None:
    """CP-SAT on the linear model: one product for each pair."""
    from ortools.sat.python import cp_model  # noqa: PLC0415

    binary = _as_binary(problem)
    model = cp_model.CpModel()
    places = [model.new_bool_var("") for _ in binary.labels]
    products = []
    for head, tail, weight in zip(binary.head.tolist(), binary.tail.tolist(), binary.weight.tolist(), strict=True):
        product = model.new_bool_var("")
        if weight < 0:
            model.add_implication(product, places[head])
            model.add_implication(product, places[tail])
        else:
            model.add_bool_or(product, places[head].negated(), places[tail].negated())
        products.append(product)
    model.minimize(
        cp_model.LinearExpr.weighted_sum([*places, *products], [*binary.linear.tolist(), *binary.weight.tolist()])
    )
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.random_seed = 1, seed
    solver.parameters.max_time_in_seconds = max(0.01, clock.left_wall_s())
    done = clock.when_over(solver.stop_search)
    status = solver.solve(model)
    done.set()
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return _write_state(problem, [solver.boolean_value(place) for place in places])


def solve_highs(problem: BinaryProblem, clock: CpuClock, seed: int) -> State | None:
    """HiGHS on the same linear model, as a mixed-integer programme."""
    import highspy  # noqa: PLC0415

    binary = _as_binary(problem)
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("random_seed", seed)
    places = [highs.addBinary(obj=float(bias)) for bias in binary.linear]
    for head, tail, weight in zip(binary.head.tolist(), binary.tail.tolist(), binary.weight.tolist(), strict=True):
        product = highs.addVariable(lb=0, ub=1, obj=float(weight))
        if weight < 0:
            highs.addConstr(product <= places[head])
            highs.addConstr(product <= places[tail])
        else:
            highs.addConstr(product >= places[head] + places[tail] - 1)
    highs.setOptionValue("time_limit", max(0.01, clock.left_wall_s()))
    highs.run()
    values = highs.getSolution().col_value
    if not highs.getInfo().primal_solution_status:
        return None
    return _write_state(problem, [value > 0.5 for value in values[: len(places)]])


class _Best:
    """The best state so far, its energy measured on the problem."""

    def __init__(self, problem: BinaryProblem) -> None:
        self._problem = problem
        self.state: State | None = None
        self._energy = np.inf

    def take(self, samples: dimod.SampleSet) -> None:
        order = np.argsort(np.fromiter(samples.variables, dtype=np.intp, count=len(self._problem.labels)))
        state: NDArray[np.int8] = samples.record.sample[np.argmin(samples.record.energy)][order].astype(np.int8)
        energy = float(measure_energy(self._problem, state))
        if energy < self._energy:
            self.state, self._energy = state, energy


def _anneal(problem: BinaryProblem, clock: CpuClock, seed: int, sample: Samples) -> State | None:
    """Anneal with twice the sweeps each time, then once with all the sweeps that still fit."""
    bqm = _label_by_position(problem)
    best = _Best(problem)
    sweeps, left_s = SWEEPS, clock.left_s()
    while left_s > 0:
        best.take(sample(bqm, sweeps, seed))
        spent_s, left_s = left_s - clock.left_s(), clock.left_s()
        fitting = int(0.95 * left_s * sweeps / spent_s)
        if fitting < SWEEPS:
            break
        sweeps = fitting if fitting < 4 * sweeps else 2 * sweeps
        seed += 1000
    return best.state


def _label_by_position(problem: BinaryProblem) -> dimod.BinaryQuadraticModel:
    bqm = problem.to_bqm()
    places = {label: place for place, label in enumerate(problem.labels)}
    bqm.relabel_variables(places)  # type: ignore[no-untyped-call]  # dimod types half of itself
    return bqm


def _as_binary(problem: BinaryProblem) -> BinaryProblem:
    assert problem.vartype == "BINARY", "the contest's instances are in zeros and ones"
    return problem


def _write_state(problem: BinaryProblem, ones: Sequence[bool]) -> State:
    assert len(ones) == len(problem.labels)
    return np.array(ones, dtype=np.int8)

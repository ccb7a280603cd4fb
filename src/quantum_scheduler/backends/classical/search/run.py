"""Search for a state of least energy of a binary model: reduce it, split it, search each part with several streams."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import cast

import numpy as np

from quantum_scheduler.backends.classical.choose import BinaryMethod, Plan
from quantum_scheduler.backends.classical.exhaust import VARIABLES_MAX, exhaust_states
from quantum_scheduler.backends.classical.search.arrange import arrange_rows
from quantum_scheduler.backends.classical.search.bound import bound_energy
from quantum_scheduler.backends.classical.search.kernels import (
    ENDED_NO_MEMORY,
    ENDED_STOPPED,
    Kernel,
    Kernels,
    Stream,
    load_kernels,
    open_stream,
)
from quantum_scheduler.backends.classical.search.model import ENERGY_NONE, Rows, SearchResult, Values
from quantum_scheduler.backends.classical.search.plan import choose_plans, name_plan, plan_budget
from quantum_scheduler.backends.classical.search.reduce import reduce_model, write_binary
from quantum_scheduler.backends.classical.split import Positions, split_parts, take_part
from quantum_scheduler.backends.energy import State, measure_energy
from quantum_scheduler.backends.local import Stop
from quantum_scheduler.backends.model import AUTO, Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import Number

POLL_S = 0.02
# A removal takes about 10 microseconds; a fifth of the time limit may go to them.
REMOVALS_PER_S = 20_000
# So many parts of few variables are looked through, with no more states in all, and so many others searched, at most.
EXHAUSTED_MAX = 500
STATES_MAX = 2**22
SEARCHED_MAX = 20


def search_binary(problem: BinaryProblem, limits: Limits, report: Callable[[Number], None], stop: Stop) -> SearchResult:
    """Search a valid model until the limits' worth of work is done, nothing more is found, or it is told to end.

    `report` is called from this thread with each better energy. The search ends at the limits' target or below, and
    when `stop` says so; the latter, and a target met by one of several streams, make the result incomplete. The
    limits' `method` is one of `METHODS["binary"]`, or `auto`. Raises MemoryError where the model does not fit.
    """
    binary = write_binary(problem)
    reduction = reduce_model(binary, removals_max=max(1, int(REMOVALS_PER_S * limits.time_limit_s)))
    model = reduction.model
    values = np.zeros(len(model.linear), dtype=np.int8)
    low, high = (0, 1) if problem.vartype == "BINARY" else (-1, 1)

    def lift() -> State:
        return np.where(reduction.lift(values) == 1, high, low).astype(np.int8)

    watch = _Watch(base=measure_energy(problem, lift()), report=report, stop=stop)
    small, large = _part_model(model)
    for part in small:
        inside = take_part(model, part)
        values[part] = exhaust_states(inside)
        energy = measure_energy(inside, values[part])
        watch.settle(energy, bound=energy)
    searched: list[_Found] = []
    for part in large:
        found = _search_part(
            take_part(model, part),
            watch,
            replace(
                limits,
                time_limit_s=limits.time_limit_s * len(part) / sum(map(len, large)),
                target=limits.target if len(searched) == len(large) - 1 else None,
            ),
            seeds=np.random.SeedSequence((limits.seed, len(searched)))
            .generate_state(limits.threads, np.uint64)
            .tolist(),
        )
        values[part] = found.values
        watch.settle(found.energy, bound=found.bound)
        searched.append(found)
    best = lift()
    energy = measure_energy(problem, best)
    proven = not searched or (problem.integral and energy <= watch.bound)
    return SearchResult(
        values=best,
        energy=energy,
        bound=energy if proven else watch.bound,
        complete=not any(found.cut for found in searched),
        proven=proven,
        method="+".join(dict.fromkeys(name for found in searched for name in found.methods)) or "reduction",
        work=sum(found.work for found in searched),
    )


def _part_model(model: BinaryProblem) -> tuple[list[Positions], list[Positions]]:
    """Return the parts that nothing joins, the smallest first: those to look through, and those to search.

    Where there are too many of them, many are searched as if they were one.
    """
    parts = split_parts(model)
    totals = accumulate(2 ** min(len(part), VARIABLES_MAX + 1) for part in parts[:EXHAUSTED_MAX])
    fit = sum(len(part) <= VARIABLES_MAX and total <= STATES_MAX for part, total in zip(parts, totals, strict=False))
    small, large = parts[:fit], parts[fit:]
    spare = len(large) - SEARCHED_MAX
    if spare > 0:
        large = [np.sort(np.concatenate(large[: spare + 1])), *large[spare + 1 :]]
    return small, large


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the streams found in one part."""

    values: Values
    energy: Number
    bound: Number
    methods: tuple[str, ...]
    work: int
    cut: bool


class _Watch:
    """Reports better energies of the whole model while its parts are searched, and says when it is time to end."""

    def __init__(self, *, base: Number, report: Callable[[Number], None], stop: Stop) -> None:
        self.settled = self.bound = base
        self.stop = stop
        self._reported: Number | None = None
        self._report = report

    def notice(self, energy: Number) -> None:
        """Report the energy of the part searched now, if it makes the whole better than reported."""
        total = self.settled + energy
        if self._reported is None or total < self._reported:
            self._reported = total
            self._report(total)

    def settle(self, energy: Number, *, bound: Number) -> None:
        """Go on to the next part."""
        self.notice(energy)
        self.settled += energy
        self.bound += bound


def _search_part(model: BinaryProblem, watch: _Watch, limits: Limits, *, seeds: list[int]) -> _Found:
    """Search one part with one stream for each seed."""
    rows = arrange_rows(model)
    kernels = load_kernels()
    plans = choose_plans(rows, len(seeds))
    if kernels is None or limits.method != AUTO:
        alone = "sampler" if kernels is None else cast("BinaryMethod", limits.method)
        plans = [name_plan(alone, rows)] * len(seeds)
    bound = bound_energy(model)
    # An energy that was found before is met again, although its sum may be rounded elsewhere on the way.
    target = -ENERGY_NONE if limits.target is None else (limits.target - watch.settled) / rows.unit + rows.tolerance
    # Each stream ends at the bound by itself, so that the answer does not depend on which is the first.
    goal = max(target, bound / rows.unit) if model.integral else target
    prepared = {plan: _prepare(plan, model, rows, kernels) for plan in set(plans)}
    streams: list[Stream] = []
    states: list[Values] = []
    for plan, seed in zip(plans, seeds, strict=True):
        budget = plan_budget(plan, rows, time_limit_s=limits.time_limit_s, flips_max=limits.flips_max)
        stream, values = open_stream(rows, budget, seed=seed, target=goal)
        streams.append(stream)
        states.append(values)
    _run_streams(
        [prepared[plan] for plan in plans], streams, watch, target=target, unit=rows.unit, whole=model.integral
    )
    if any(stream.ended == ENDED_NO_MEMORY for stream in streams):
        raise MemoryError(f"a model of {rows.count} variables does not fit")
    first = min(range(len(streams)), key=lambda number: streams[number].best)
    return _Found(
        values=states[first],
        energy=measure_energy(model, states[first]),
        bound=bound,
        methods=tuple(name for plan in plans for name, _ in plan),
        work=sum(stream.work for stream in streams),
        cut=any(stream.ended == ENDED_STOPPED for stream in streams),
    )


def _prepare(plan: Plan, model: BinaryProblem, rows: Rows, kernels: Kernels | None) -> Kernel:
    """Lay the model out for a plan, once for all of its streams."""
    if kernels is None or plan[0][0] == "sampler":
        from quantum_scheduler.backends.classical.search.fallback import (  # noqa: PLC0415  imports dwave-samplers
            prepare_sampler,
        )

        return prepare_sampler(model, rows)
    return kernels.prepare(plan, rows)


def _run_streams(
    runs: Sequence[Kernel], streams: Sequence[Stream], watch: _Watch, *, target: float, unit: float, whole: bool
) -> None:
    """Run every search in a thread until all have ended; tell them to when it is time or one has met the target.

    `target` and their energies are in `unit`, and `whole` numbers of the model's own or not.
    """
    with ThreadPoolExecutor(len(runs), thread_name_prefix="search") as pool:
        waiting = {pool.submit(run, stream) for run, stream in zip(runs, streams, strict=True)}
        while waiting:
            poll_s = min(POLL_S, watch.stop.remaining_s()) or POLL_S
            done, waiting = wait(waiting, timeout=poll_s, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            best = min(stream.best for stream in streams)
            if best < ENERGY_NONE:
                watch.notice(round(best * unit) if whole else best * unit)
            if best <= target or watch.stop():
                for stream in streams:
                    stream.stop = 1

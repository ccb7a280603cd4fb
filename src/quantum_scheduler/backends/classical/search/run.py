"""Search for a state of least energy of a binary model: reduce it, split it, search each part with several streams."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from quantum_scheduler.backends.classical.exhaust import exhaust_states
from quantum_scheduler.backends.classical.search.arrange import arrange_rows
from quantum_scheduler.backends.classical.search.kernels import (
    ENDED_NO_MEMORY,
    ENDED_STOPPED,
    Kernel,
    Stream,
    load_kernels,
    open_stream,
)
from quantum_scheduler.backends.classical.search.model import ENERGY_NONE, MethodName, SearchResult, Values
from quantum_scheduler.backends.classical.search.plan import Stage, choose_plan, choose_portfolio, plan_budget
from quantum_scheduler.backends.classical.search.reduce import reduce_model, write_binary
from quantum_scheduler.backends.classical.split import split_parts, take_part
from quantum_scheduler.backends.energy import measure_energy
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import Number

POLL_S = 0.02
# A removal takes about 10 microseconds; a fifth of the time limit may go to them.
REMOVALS_PER_S = 20_000
# A part of so few variables is looked through, and its answer proven.
EXHAUSTED_VARIABLES_MAX = 12


def search_binary(
    problem: BinaryProblem,
    *,
    time_limit_s: float,
    seed: int,
    threads: int,
    report: Callable[[Number], None],
    stop: threading.Event,
    target: Number | None = None,
    method: MethodName = "auto",
) -> SearchResult:
    """Search a valid model until the time limit's worth of work is done, nothing more is found, or it is told to end.

    `report` is called from this thread with each better energy. The search ends at `target` or below, once `stop` is
    set, and when `time_limit_s` has passed; the last two, and a target met by one of several streams, make
    the result incomplete. `method` names one method for all parts and streams.
    Raises MemoryError where the model does not fit.
    """
    deadline_s = time.monotonic() + time_limit_s
    reduction = reduce_model(write_binary(problem), removals_max=max(1, int(REMOVALS_PER_S * time_limit_s)))
    model = reduction.model
    values = np.zeros(len(model.linear), dtype=np.int8)
    low, high = (0, 1) if problem.vartype == "BINARY" else (-1, 1)

    def measure(found: Values) -> Number:
        return measure_energy(problem, np.where(reduction.lift(found) == 1, high, low).astype(np.int8))

    base = measure(values)
    watch = _Watch(base=base, report=report, stop=stop, deadline_s=deadline_s)
    parts = split_parts(model)
    sizes = [len(part) for part in parts]
    searched: list[_Found] = []
    for part, size in zip(parts, sizes, strict=True):
        inside = take_part(model, part)
        if size <= EXHAUSTED_VARIABLES_MAX:
            values[part] = exhaust_states(inside)
            watch.settle(float(measure_energy(inside, values[part])))
            continue
        found = _search_part(
            inside,
            watch,
            time_limit_s=time_limit_s * size / sum(n for n in sizes if n > EXHAUSTED_VARIABLES_MAX),
            seeds=np.random.SeedSequence((seed, len(searched))).generate_state(threads, np.uint64).tolist(),
            target=None if target is None or len(part) < sizes[-1] else float(target),
            method=method,
        )
        values[part] = found.values
        watch.settle(found.energy)
        searched.append(found)
    best = np.where(reduction.lift(values) == 1, high, low).astype(np.int8)
    return SearchResult(
        values=best,
        energy=measure_energy(problem, best),
        complete=not any(found.cut for found in searched),
        proven=not searched,
        method="+".join(sorted({name for found in searched for name in found.methods})) or "reduction",
        work=sum(found.work for found in searched),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the streams found in one part."""

    values: Values
    energy: float
    methods: tuple[str, ...]
    work: int
    cut: bool


class _Watch:
    """Reports better energies of the whole model while its parts are searched, and says when it is time to end."""

    def __init__(
        self, *, base: Number, report: Callable[[Number], None], stop: threading.Event, deadline_s: float
    ) -> None:
        self.settled = base
        self._exact = isinstance(base, int)
        self._reported: Number | None = None
        self._report = report
        self._stop = stop
        self._deadline_s = deadline_s

    def remaining_s(self) -> float:
        """How long the search may go on; 0 where it is time to end."""
        return 0.0 if self._stop.is_set() else max(0.0, self._deadline_s - time.monotonic())

    def notice(self, energy: float) -> None:
        """Report the energy of the part searched now, if it makes the whole better than reported."""
        total = self.settled + (round(energy) if self._exact else energy)
        if self._reported is None or total < self._reported:
            self._reported = total
            self._report(total)

    def settle(self, energy: float) -> None:
        """Go on to the next part."""
        self.notice(energy)
        self.settled += round(energy) if self._exact else energy


def _search_part(
    model: BinaryProblem,
    watch: _Watch,
    *,
    time_limit_s: float,
    seeds: list[int],
    target: float | None,
    method: MethodName,
) -> _Found:
    """Search one connected part with one stream for each seed."""
    rows = arrange_rows(model)
    kernels = load_kernels()
    if kernels is None or method == "sampler":
        plan: tuple[Stage, ...] = (("sampler", 1.0),)
    else:
        plan = choose_plan(rows) if method == "auto" else ((method, 1.0),)
    plans = choose_portfolio(plan, len(seeds)) if method == "auto" else [plan] * len(seeds)
    goal = -ENERGY_NONE if target is None else (target - watch.settled) / rows.unit
    streams: list[Stream] = []
    states: list[Values] = []
    runs: list[Kernel] = []
    for stages, seed in zip(plans, seeds, strict=True):
        budget = plan_budget(stages, rows, time_limit_s=time_limit_s)
        stream, values = open_stream(rows, budget, seed=seed, target=goal)
        streams.append(stream)
        states.append(values)
        if kernels is None or method == "sampler":
            from quantum_scheduler.backends.classical.search.fallback import (  # noqa: PLC0415  imports dwave-samplers
                prepare_sampler,
            )

            runs.append(prepare_sampler(model, rows, values))
        else:
            runs.append(kernels.prepare(stages, rows))
    _run_streams(runs, streams, rows.unit, watch)
    if any(stream.ended == ENDED_NO_MEMORY for stream in streams):
        raise MemoryError(f"a model of {rows.count} variables does not fit")
    first = min(range(len(streams)), key=lambda number: streams[number].best)
    return _Found(
        values=states[first],
        energy=float(measure_energy(model, states[first])),
        methods=tuple(name for stages in plans for name, _ in stages),
        work=sum(stream.work for stream in streams),
        cut=any(stream.ended == ENDED_STOPPED for stream in streams),
    )


def _run_streams(runs: Sequence[Kernel], streams: Sequence[Stream], unit: float, watch: _Watch) -> None:
    """Run every search in a thread until all have ended; tell them to when it is time or one has met its target."""
    with ThreadPoolExecutor(len(runs), thread_name_prefix="search") as pool:
        waiting = {pool.submit(run, stream) for run, stream in zip(runs, streams, strict=True)}
        poll_s = min(POLL_S, watch.remaining_s())
        while waiting:
            done, waiting = wait(waiting, timeout=poll_s, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            best = min(stream.best for stream in streams)
            if best < ENERGY_NONE:
                watch.notice(best * unit)
            remaining_s = watch.remaining_s()
            if best <= streams[0].target or not remaining_s:
                for stream in streams:
                    stream.stop = 1
            poll_s = min(POLL_S, remaining_s) or POLL_S

"""Run the compiled searches over schedules, one after the other, each from the best schedule of the ones before."""

import threading
from collections.abc import Callable, Sequence
from typing import Literal

from quantum_scheduler.backends.classical.list_search.kernels import (
    ENDED_NO_MEMORY,
    ENDED_STOPPED,
    MISSED,
    UNPLACED,
    Draft,
    Kernels,
    open_stream,
)
from quantum_scheduler.backends.classical.list_search.tables import Tables
from quantum_scheduler.problems.model import Assignment, ScheduleSolution
from quantum_scheduler.problems.schedule import ScheduleProblem

ListMethod = Literal["genetic", "repair"]
POLL_S = 0.02


class CompiledLists:
    """The best list schedule so far of one stream of search.

    `value` is its weighted objective; MISSED and more while it breaks a hard deadline, UNPLACED and more while there is
    none at all.
    """

    def __init__(self, problem: ScheduleProblem, kernels: Kernels, tables: Tables) -> None:
        self.value = UNPLACED
        self._problem = problem
        self._kernels = kernels
        self._tables = tables
        self._best = Draft(tables)
        self._agent_at = {agent.id: at for at, agent in enumerate(problem.agents)}

    def place(self, orders: Sequence[Sequence[int]]) -> None:
        """Place the tasks in orders that keep to the dependencies, until one gives a schedule without fault."""
        for order in orders:
            draft = Draft(self._tables)
            value = self._kernels.place_order(self._tables, order, draft)
            if value < self.value:
                self._best, self.value = draft, value
            if self.value < MISSED:
                return

    def adopt(self, solution: ScheduleSolution, value: int) -> None:
        """Go on from another schedule, if it is better."""
        if value >= self.value:
            return
        self.value = value
        slots = self._tables.slots_from
        for at, placed in enumerate(solution.assignments):
            self._best.start[at] = placed.start
            self._best.crew[slots[at] : slots[at + 1]] = [self._agent_at[name] for name in placed.agents]

    def read(self) -> ScheduleSolution | None:
        """Return the best schedule, if it is feasible."""
        if self.value >= MISSED:
            return None
        start, crew = self._best.start.tolist(), self._best.crew.tolist()
        slots = self._tables.slots_from.tolist()
        return ScheduleSolution(
            assignments=tuple(
                Assignment(
                    task=task.id,
                    agents=tuple(self._problem.agents[agent].id for agent in crew[slots[at] : slots[at + 1]]),
                    start=start[at],
                    end=start[at] + task.duration,
                )
                for at, task in enumerate(self._problem.tasks)
            )
        )

    def search(
        self,
        method: ListMethod,
        orders: Sequence[Sequence[int]],
        *,
        work: int,
        seed: int,
        target: int,
        stop: Callable[[], bool],
        improved: Callable[[int], None],
    ) -> bool:
        """Search for a better schedule; return whether it ended by itself.

        `work` counts steps of timelines; the search ends early at a value of `target`. `improved` is called with each
        better value that was seen, from this thread. Raises MemoryError.
        """
        stream = open_stream(self._best, seed=seed, work_max=work, target=target, best=self.value)
        if method == "genetic":
            run = threading.Thread(target=self._kernels.evolve_orders, args=(stream, self._tables, orders))
        else:
            run = threading.Thread(target=self._kernels.repair_schedule, args=(stream, self._tables))
        run.start()
        while run.is_alive():
            run.join(POLL_S)
            if stream.best < min(self.value, MISSED):
                self.value = stream.best
                improved(stream.best)
            if stop():
                stream.stop = 1
        self.value = stream.best
        if stream.ended == ENDED_NO_MEMORY:
            raise MemoryError(f"a schedule of {len(self._tables.duration)} tasks does not fit")
        return stream.ended != ENDED_STOPPED

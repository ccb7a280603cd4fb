"""Find who qualifies for a task. A set of agents is an int with bit k for agent k, so that sets meet in one step."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from math import inf
from operator import or_

from quantum_scheduler.problems.schedule import Agent


class _Ranking:
    """Agents ranked by one number, to find those who reach a bound."""

    def __init__(self, ranked: Iterable[tuple[float, int]]) -> None:
        self._ranked = sorted(ranked)

    @cached_property
    def _numbers(self) -> list[float]:
        return [number for number, _ in self._ranked]

    @cached_property
    def _best(self) -> list[int]:
        """The sets of the best 0, 1, 2, ... agents."""
        return list(accumulate((1 << member for _, member in reversed(self._ranked)), or_, initial=0))

    def at_least(self, bound: float) -> int:
        """The set of those whose number is `bound` or more."""
        return self._best[len(self._ranked) - bisect_left(self._numbers, bound)]


class Eligibility:
    """Which agents hold which skills, and which have a window of which length."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        self._agents = agents
        self._everybody = (1 << len(agents)) - 1

    @cached_property
    def _by_skill(self) -> Mapping[str, _Ranking]:
        holders: dict[str, list[tuple[float, int]]] = {}
        for member, agent in enumerate(self._agents):
            for skill, level in agent.skills.items():
                holders.setdefault(skill, []).append((level, member))
        return {skill: _Ranking(ranked) for skill, ranked in holders.items()}

    @cached_property
    def _by_window(self) -> _Ranking:
        return _Ranking((_longest_window(agent), member) for member, agent in enumerate(self._agents))

    def holders(self, skill: str, level: int) -> int:
        """The set of agents with `skill` at `level` or above."""
        ranking = self._by_skill.get(skill)
        return ranking.at_least(level) if ranking else 0

    def able(self, skills: Mapping[str, int]) -> int:
        """The set of agents with every one of `skills` at its level or above."""
        able = self._everybody
        for skill, level in skills.items():
            able &= self.holders(skill, level)
        return able

    def free_for(self, duration: int) -> int:
        """The set of agents with a window of at least `duration`."""
        return self._by_window.at_least(duration)


def _longest_window(agent: Agent) -> float:
    if agent.availability is None:
        return inf
    return max((window.end - window.start for window in agent.availability), default=-inf)

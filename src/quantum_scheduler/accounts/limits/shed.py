"""Refuse jobs that matter less while too many wait: first those of low priority, then those of normal priority."""

import random
from collections.abc import Awaitable, Callable, Mapping

import structlog

from quantum_scheduler.accounts.limits.model import TemporaryReducedCapacity

# From which multiple of the depth on a priority is shed; one such step further all of it is. The others never are.
SHED_FROM: Mapping[str, int] = {"low": 1, "normal": 2}
RETRY_AFTER_S = 30.0

log = structlog.get_logger(__name__)


class Shedder:
    """Decides about jobs by how many wait. `read_depth` tells how many that are, None where nobody knows."""

    def __init__(
        self,
        read_depth: Callable[[], Awaitable[int | None]],
        shed_depth: int,
        *,
        is_shadow: bool = False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._read_depth = read_depth
        self._shed_depth = shed_depth
        self._is_shadow = is_shadow
        self._chance = chance

    async def check(self, priority: str) -> None:
        """Let a job of a priority in. Raises TemporaryReducedCapacity."""
        if priority not in SHED_FROM:
            return
        depth = await self._read_depth()
        if depth is None or self._chance() >= share_shed(priority, depth, self._shed_depth):
            return
        if not self._is_shadow:
            raise TemporaryReducedCapacity(priority, RETRY_AFTER_S)
        log.info("limit.shadowed", reason=f"a job of {priority} priority at depth {depth}")


def share_shed(priority: str, depth: int, shed_depth: int) -> float:
    """The share of the jobs of a priority that are refused while `depth` jobs wait."""
    if priority not in SHED_FROM:
        return 0.0
    return min(1.0, max(0.0, depth / shed_depth - SHED_FROM[priority]))

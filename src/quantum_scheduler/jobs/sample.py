"""Measure the queue every few seconds, at a cost that does not grow with how many jobs it finishes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from quantum_scheduler.jobs.metrics import finished, queue_stats
from quantum_scheduler.jobs.queue_model import LaneStats
from quantum_scheduler.postgres.connect import Connection

# To look through more finished jobs than this is dear; what is told of a quarter of an hour may then be a little old.
FINISHED_CHEAP = 50_000
OLD_AFTER = timedelta(seconds=30)


class QueueSampler:
    """Samples all lanes. Once very many jobs have finished lately, it looks through those every `OLD_AFTER` only."""

    def __init__(self, *, cheap: int = FINISHED_CHEAP) -> None:
        self._cheap = cheap
        self._known: Sequence[LaneStats] = ()
        self._known_at: datetime | None = None

    async def measure(self, conn: Connection, now: datetime) -> list[LaneStats]:
        """Measure every lane at every priority; what it holds is always of this moment."""
        if self._known_at is not None and timedelta(0) <= now - self._known_at < OLD_AFTER:
            return _join(await queue_stats(conn, window_s=0.0), self._known)
        stats = await queue_stats(conn)
        self._known, self._known_at = stats, now if finished(stats) > self._cheap else None
        return stats


def _join(held: Sequence[LaneStats], known: Sequence[LaneStats]) -> list[LaneStats]:
    """Add what was known of finished jobs to what lanes hold now."""
    lanes = {
        (each.lane, each.priority): replace(each, depth=0, running=0, sleeping=0, stuck=0, oldest_s=0.0)
        for each in known
    }
    for each in held:
        before = lanes.get((each.lane, each.priority), each)
        lanes[each.lane, each.priority] = replace(
            each, finished=before.finished, failed=before.failed, average_s=before.average_s
        )
    return list(lanes.values())

"""Count how long jobs and quantum attempts take, as they end: what a histogram needs, and no look at all of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from quantum_scheduler.jobs.metrics import job_durations
from quantum_scheduler.monitoring.sample_model import SolveKind, SolveTotal
from quantum_scheduler.monitoring.store import solve as store
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.metrics import attempt_durations
from quantum_scheduler.solving.routing_model import Durations

# Upper bounds; the last count is of those that took longer.
SOLVE_BOUNDS_S = (
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0,
)  # fmt: skip
# What has ended is committed within so long.
COMMITS_WITHIN_S = 2.0


async def count_solves(conn: Connection) -> None:
    """Count what has ended since the last time. Joins the caller's transaction."""
    since, until = await store.advance(conn, commits_within_s=COMMITS_WITHIN_S)
    jobs = await job_durations(conn, since=since, until=until, bounds_s=SOLVE_BOUNDS_S)
    attempts = await attempt_durations(conn, since=since, until=until, bounds_s=SOLVE_BOUNDS_S)
    await store.add_totals(conn, [*_add_up("job", jobs), *_add_up("attempt", attempts)])


async def read_solves(conn: Connection) -> list[SolveTotal]:
    """Read all that was counted."""
    return await store.read_totals(conn)


def _add_up(kind: SolveKind, durations: Iterable[Durations]) -> Iterator[SolveTotal]:
    labels: defaultdict[str, list[Durations]] = defaultdict(list)
    for each in durations:
        labels[each.label].append(each)
    for label, group in labels.items():
        counts = [0] * (len(SOLVE_BOUNDS_S) + 1)
        for each in group:
            counts[each.place] = each.count
        yield SolveTotal(
            kind=kind,
            label=label,
            seconds=sum(each.seconds for each in group),
            counts=counts,
            exemplars={str(each.place): (each.example, each.example_s, each.example_at.timestamp()) for each in group},
        )

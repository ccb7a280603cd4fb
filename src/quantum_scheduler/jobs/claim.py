"""Take tasks from the queue: the highest priority first, and within it the organisations in turn."""

from collections.abc import Collection, Sequence
from uuid import UUID

from quantum_scheduler.jobs.model import Claim, Fence, HandedBack
from quantum_scheduler.jobs.settle import settle_tasks
from quantum_scheduler.jobs.store import queue as store
from quantum_scheduler.postgres.connect import Connection


async def find_ready_lanes(conn: Connection, lanes: Sequence[str]) -> list[str]:
    """Name those of the lanes that have something to claim, the one with the highest priority first, else in their
    order; a paused one may be among them."""
    return await store.find_ready_lanes(conn, lanes)


async def claim_tasks(conn: Connection, lane: str, count_max: int, worker_id: UUID) -> list[Claim]:
    """Claim up to `count_max` tasks of a lane for a worker, in the order they should start.

    A paused lane gives nothing, and so does any lane to a worker whose lease was taken away; no more is claimed than
    the limits of the lane and of each organisation allow. The transaction must be short: until it ends, nobody else
    claims from the lane, nor from any while an organisation has a limit.
    """
    keeps_limits = await store.lock_lane(conn, lane)
    return await store.claim_tasks(conn, lane, count_max, worker_id, keeps_limits=keeps_limits)


async def release_strays(conn: Connection, worker_id: UUID, known: Collection[Fence]) -> None:
    """Put back what a worker holds and does not know of, because a commit of `claim_tasks` was never answered."""
    strays = [fence for fence in await store.find_held(conn, worker_id) if fence not in known]
    await settle_tasks(conn, [(fence, HandedBack()) for fence in strays])


async def find_held(conn: Connection, worker_id: UUID) -> set[Fence]:
    """Find the claims that a worker holds; what is missing was taken from it."""
    return set(await store.find_held(conn, worker_id))


async def hold_claim(conn: Connection, fence: Fence) -> bool:
    """Whether a claim still holds, which nobody can change until the transaction ends."""
    return await store.lock_claim(conn, fence)

"""Conduct a drill: break something, make load, follow what the service does, answer it, and put everything back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import httpx2

from quantum_scheduler.drills import store
from quantum_scheduler.drills.beside import beside
from quantum_scheduler.drills.follow import follow
from quantum_scheduler.drills.lease import renewing
from quantum_scheduler.drills.load import Load
from quantum_scheduler.drills.model import DrillRefused, Fault, Order, Seen
from quantum_scheduler.drills.people import People
from quantum_scheduler.drills.permit import open_drill
from quantum_scheduler.drills.put_back import abort, close
from quantum_scheduler.drills.report import Report, write_document
from quantum_scheduler.drills.tidy import tidy
from quantum_scheduler.drills.visitor import Visitor
from quantum_scheduler.incidents.detection.look_up import is_raised
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.runbooks.look_up import find_run
from quantum_scheduler.runbooks.model import Runbook

LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how long a drill waits: for quiet before it begins, for what it broke to be seen, for its end, for jobs,
    and for what a run has done to be taken back.
    """

    quiet_s: float = 420.0
    detected_s: float = 180.0
    ended_s: float = 1_800.0
    jobs_s: float = 300.0
    undone_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where a drill takes place: the database and the API of a running service."""

    pool: Pool
    http: httpx2.AsyncClient
    runbook: Runbook
    audience: Audience
    tell: Callable[[str], None]
    visitor: Visitor | None = None
    patience: Patience = field(default_factory=Patience)


async def conduct_drill(order: Order, fault: Fault, ground: Ground) -> Report:
    """Conduct a drill to its end. Raises DrillRefused.

    Whatever ends it: the fault is lifted, and what its run had done is taken back.
    """
    began_at = datetime.now(UTC)
    async with _registered(order, ground) as drill_id, _visited(ground):
        load = Load(ground.http, backend=order.scenario.backend, jobs_per_s=order.jobs_per_s, chance=Random())  # noqa: S311
        seen = Seen(has_ramp=any(step.ramp for step in ground.runbook.steps()))
        if not await load.submit():
            raise DrillRefused(
                f"{ground.http.base_url} takes no job, so a drill would show nothing: is it the service?"
            )
        async with beside(load.run()):
            # With the load, because shares of nothing are not known and keep a signal raised.
            await _await_quiet(order, ground)
            seen = await _break_and_follow(order, fault, ground, load, seen)
        ground.tell("waiting for the answers of all jobs")
        tally = await load.settle(within_s=ground.patience.jobs_s)
        if ground.visitor is not None:
            tally = replace(tally, entered=ground.visitor.entered, turned_away=ground.visitor.turned_away)
        report = Report(order=order, seen=seen, tally=tally, began_at=began_at, ended_at=datetime.now(UTC))
        async with ground.pool.acquire() as conn:
            await store.finish(conn, drill_id, datetime.now(UTC), write_document(report))
    return report


@asynccontextmanager
async def _registered(order: Order, ground: Ground) -> AsyncIterator[int]:
    """Have the drill known to the service while the block runs: its runs go at its pace only as long."""
    now = datetime.now(UTC)
    async with ground.pool.acquire() as conn:
        drill_id = await open_drill(conn, order, until=now, now=now)

    async def renew(for_s: float) -> None:
        async with ground.pool.acquire() as conn:
            await store.renew(conn, drill_id, datetime.now(UTC) + timedelta(seconds=for_s))

    try:
        async with renewing(renew):
            yield drill_id
    finally:
        async with ground.pool.acquire() as conn:
            await store.end(conn, drill_id, datetime.now(UTC))


@asynccontextmanager
async def _visited(ground: Ground) -> AsyncIterator[None]:
    """Have the visitor come by while the block runs, where there is one."""
    async with nullcontext() if ground.visitor is None else ground.visitor.visiting():
        yield


async def _await_quiet(order: Order, ground: Ground) -> None:
    """Wait until the runbook's first signal is not raised: it could not tell what happens now."""
    runbook, title = order.scenario.runbook, ground.runbook.signals[0].title
    ends_at = datetime.now(UTC) + timedelta(seconds=ground.patience.quiet_s)
    is_told = False
    while True:
        async with ground.pool.acquire() as conn:
            if not await is_raised(conn, runbook, title):
                return
        if datetime.now(UTC) >= ends_at:
            raise DrillRefused(f"{runbook}: {title} is raised already, so there is something real to do")
        if not is_told:
            ground.tell(f"waiting until this has cleared: {title}")
            is_told = True
        await asyncio.sleep(LOOK_EVERY_S)


async def _break_and_follow(order: Order, fault: Fault, ground: Ground, load: Load, seen: Seen) -> Seen:
    seen = replace(seen, fault_at=datetime.now(UTC))
    try:
        async with renewing(fault.inject):
            ground.tell(f"{order.scenario.target}: {order.fault}")
            await load.burst(order.scenario.burst)
            seen = await _follow_until(order, ground, seen, is_over=_may_be_lifted)
        await fault.lift()
        seen = replace(seen, lifted_at=datetime.now(UTC))
        ground.tell(f"{order.scenario.target}: well again")
        if seen.run is not None:
            seen = await _follow_until(order, ground, seen, is_over=_has_ended)
        return seen
    finally:
        # Shielded, because a drill that is interrupted must put back what it broke all the same.
        await asyncio.shield(_put_back(order, fault, ground, seen))


def _may_be_lifted(seen: Seen) -> bool:
    """A fault lasts until the run has found out what it is, or has ended."""
    return bool(seen.branches) or _has_ended(seen)


def _has_ended(seen: Seen) -> bool:
    return seen.run_status not in (None, "running", "aborting")


async def _follow_until(order: Order, ground: Ground, seen: Seen, *, is_over: Callable[[Seen], bool]) -> Seen:
    """Follow the run and answer it, until it is so far or patience is at its end."""
    people = People(ground.runbook, ground.audience, pace=order.hold_factor)
    assert seen.fault_at is not None
    told: set[object] = set()
    while not is_over(seen):
        now = datetime.now(UTC)
        patience_s = ground.patience.ended_s if seen.declared_at else ground.patience.detected_s
        if now >= seen.fault_at + timedelta(seconds=patience_s):
            break
        async with ground.pool.acquire() as conn:
            before, (seen, run) = seen, await follow(conn, order.scenario.runbook, seen)
            said = [] if run is None else await people.answer(conn, run, now=now)
        for line in (*_tell_news(before, seen), *said):
            if line not in told:
                told.add(line)
                ground.tell(line)
        await asyncio.sleep(LOOK_EVERY_S)
    return seen


def _tell_news(before: Seen, seen: Seen) -> list[str]:
    news = [f"{each.kind}: {each.text}" for each in seen.story[len(before.story) :] if each.kind != "asked"]
    moves = {
        "declared": (before.declared_at, seen.declared_at),
        "mitigated": (before.mitigated_at, seen.mitigated_at),
        "resolved": (before.resolved_at, seen.resolved_at),
    }
    return [*(f"{seen.incident} is {move}" for move, (was, now) in moves.items() if was != now), *news]


async def _put_back(order: Order, fault: Fault, ground: Ground, seen: Seen) -> None:
    """Lift the fault; where the run has not ended, abort it, which takes back what it did, and close its incident."""
    await fault.lift()
    async with ground.pool.acquire() as conn:
        seen, run = await follow(conn, order.scenario.runbook, seen)
        if run is not None:
            await abort(conn, run, ground.audience, by=order.by, now=datetime.now(UTC))
            await _await_end(conn, run.id, within_s=ground.patience.undone_s)
        await tidy(ground.pool, order.scenario)
        if seen.incident is not None:
            await close(conn, seen.incident, ground.audience, by=order.by, now=datetime.now(UTC))


async def _await_end(conn: Connection, run_id: int, *, within_s: float) -> None:
    """Wait until a run has ended, or for so long."""
    ends_at = datetime.now(UTC) + timedelta(seconds=within_s)
    while datetime.now(UTC) < ends_at:
        if (await find_run(conn, run_id)).finished_at is not None:
            return
        await asyncio.sleep(LOOK_EVERY_S)

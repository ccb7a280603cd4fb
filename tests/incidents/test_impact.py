"""The post-mortem counts what customers had of an incident, in its time and no other."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.assess import assess_impact
from quantum_scheduler.incidents.fill_in import fill_in
from quantum_scheduler.incidents.model import Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.incidents.review import edit_review, read_review
from quantum_scheduler.postgres.connect import Connection, Pool

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
JOB = """
INSERT INTO job (org_id, name, state, priority, backend, lane, problem, summary, fingerprint, time_limit_s, seed,
    use_cache, created_at, finished_at, deadline_at)
VALUES ($1, '', $2, 1, 'auto', 'solve.classical', '', '{}', '', 1, 1, false, $3, $4, $5) RETURNING id
"""
TASK = """
INSERT INTO task (lane, org_id, kind, job_id, priority, run_at, state)
VALUES ('solve.classical', $1, 'solve', $2, 1, $3, 'ready')
"""
ATTEMPT = """
INSERT INTO quantum_attempt (job_id, asked, backend, state, decision, is_fallback, ended_at)
VALUES ($1, 'auto', 'dynex', 'failed', '{}', true, $2)
"""


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def add_org(conn: Connection) -> UUID:
    org_id = uuid4()
    await conn.execute("INSERT INTO organisation (id, name) VALUES ($1, 'a customer')", org_id)
    return org_id


async def add_job(
    conn: Connection, org_id: UUID, state: str, created: float, finished: float | None, deadline: float | None = None
) -> Any:
    moments = [None if each is None else at(each) for each in (finished, deadline)]
    return await conn.fetchval(JOB, org_id, state, at(created), *moments)


async def test_jobs_and_customers_of_the_time_are_counted(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ann, bob, eve = [await add_org(conn) for _ in range(3)]
        # Before and after it.
        await add_job(conn, eve, "failed", -60, -30)
        await add_job(conn, eve, "failed", 90, 100)
        # In it: one that is well, one that failed, one that was late, one that fell back, and one that still waits.
        await add_job(conn, eve, "succeeded", -1, 10)
        await add_job(conn, ann, "failed", 5, 10)
        await add_job(conn, ann, "succeeded", 5, 50, deadline=40)
        fell_back = await add_job(conn, bob, "succeeded", 20, 30, deadline=35)
        await conn.execute(ATTEMPT, fell_back, at(29))
        waiting = await add_job(conn, bob, "queued", 30, None, deadline=45)
        await conn.execute(TASK, bob, waiting, at(30))
        new = NewIncident(title="Dynex is down", severity="P1", began_at=NOW)
        incident, _ = await respond.raise_incident(conn, new, NOBODY, actor="watch", now=at(1))
        resolved = await respond.resolve(conn, incident.id, NOBODY, actor="ann", now=at(60))
        impact = await assess_impact(conn, resolved, now=at(600))
        assert impact is not None
        assert (impact.jobs, impact.failed, impact.fell_back, impact.late) == (5, 1, 1, 2)
        assert (impact.customers, impact.customers_affected) == (3, 2)
        review = await read_review(conn, incident.id)
    assert "- Customers affected: 2 of 3 with jobs in this time" in review
    assert "- Jobs that missed their deadline: 2" in review


async def resolve_uncounted(conn: Connection, other: Connection) -> Incident:
    """Resolve an incident while whoever counts jobs waits for too long."""
    new = NewIncident(title="Dynex is down", severity="P1", began_at=NOW)
    incident, _ = await respond.raise_incident(conn, new, NOBODY, actor="watch", now=at(1))
    async with other.transaction():
        await other.execute("LOCK TABLE task IN ACCESS EXCLUSIVE MODE")
        async with conn.transaction():
            return await respond.resolve(conn, incident.id, NOBODY, actor="ann", now=at(60))


async def test_an_incident_ends_although_its_impact_cannot_be_counted_in_time_which_is_filled_in(pool: Pool) -> None:
    async with pool.acquire() as conn, pool.acquire() as other:
        incident = await resolve_uncounted(conn, other)
        assert incident.state == "resolved"
        assert "too many to be counted" in await read_review(conn, incident.id)
        assert [await fill_in(conn, now=at(65)) for _ in range(2)] == [1, 0]
        review = await read_review(conn, incident.id)
    assert "- Jobs in this time: 0" in review
    assert "too many to be counted" not in review


async def test_what_people_have_written_is_not_filled_in_and_neither_is_what_is_long_over(pool: Pool) -> None:
    async with pool.acquire() as conn, pool.acquire() as other:
        incident = await resolve_uncounted(conn, other)
        assert await fill_in(conn, now=at(60 + 25 * 60)) == 0
        await edit_review(conn, incident.id, "It was the cable.", actor="ann", now=at(62))
        assert await fill_in(conn, now=at(65)) == 0
        assert await read_review(conn, incident.id) == "It was the cable."

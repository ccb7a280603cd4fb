"""Who looks after an organisation hears of its quotas: of every step once, and once a month that one will run out."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.accounts.plans import Customer, add_customer
from tests.accounts.test_reserve_quota import reserve
from tests.watch.test_watch import Recorder, watching

from quantum_scheduler.accounts.quota.model import Allowance
from quantum_scheduler.accounts.store.member import insert_member
from quantum_scheduler.notifications.model import Target
from quantum_scheduler.notifications.store import read_inbox
from quantum_scheduler.notifications.tell_quotas import QuotaAudience, tell_forecasts, tell_notices
from quantum_scheduler.postgres.connect import Connection, Pool

NOW = datetime(2026, 11, 16, tzinfo=UTC)
BY_MAIL = QuotaAudience(sends_mail=True)
OUTBOX = "SELECT channel, address, message ->> 'title' AS title FROM notification ORDER BY channel, address, title"


@pytest.fixture
def customer(pool: Pool) -> Customer:
    return add_customer(pool)


async def add_person(conn: Connection, org_id: UUID, name: str, *roles: str) -> UUID:
    user_id: UUID = await conn.fetchval(
        "INSERT INTO person (email, name) VALUES ($1 || '@example.com', $1) RETURNING id", name
    )
    await insert_member(conn, org_id, user_id, roles)  # type: ignore[arg-type]  # they are roles
    return user_id


async def tell(conn: Connection, audience: QuotaAudience = BY_MAIL) -> int:
    async with conn.transaction():
        return await tell_notices(conn, audience, now=NOW)


async def forecast(conn: Connection, now: datetime) -> int:
    async with conn.transaction():
        return await tell_forecasts(conn, QuotaAudience(), now=now)


async def set_used(conn: Connection, org_id: UUID, used: int) -> None:
    """Have so much be used this month."""
    await conn.execute(
        "INSERT INTO quota (org_id, meter, period, used) VALUES ($1, 'solve_ms', quota_period_of('solve_ms'), $2)"
        " ON CONFLICT (org_id, meter, period) DO UPDATE SET used = excluded.used",
        org_id,
        used,
    )


async def test_each_step_is_told_once_to_whoever_looks_after_the_organisation(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=1000))
    async with pool.acquire() as conn:
        ada = await add_person(conn, org_id, "ada", "admin")
        await add_person(conn, org_id, "fin", "finance", "customer")
        await add_person(conn, org_id, "joe", "customer")
        await add_person(conn, await customer(plan="other"), "eve", "admin")
        await reserve(conn, org_id, 850)
        assert (await tell(conn), await tell(conn)) == (1, 0)
        said = "a customer: 80 % of solving time is spoken for"
        rows = [tuple(row) for row in await conn.fetch(OUTBOX)]
        assert [row[:2] for row in rows if row[0] == "email"] == [
            ("email", "ada@example.com"),
            ("email", "fin@example.com"),
        ]
        assert ("inbox", str(ada), said) in rows
        assert len(rows) == 4
        await reserve(conn, org_id, 150)
        assert (await tell(conn), await tell(conn)) == (2, 0)
        inbox = await read_inbox(conn, str(ada), before=None, is_unread=True, limit=9)
    assert [each["message"].title[12:16] for each in inbox] == ["100 ", "90 %", "80 %"]
    assert "0.0002361 h of 0.0002778 h of solving time" in inbox[-1]["message"].text


async def test_without_a_mail_server_the_inbox_is_told_alone_and_a_webhook_where_there_is_one(
    pool: Pool, customer: Customer
) -> None:
    org_id = await customer(solve_ms=Allowance(amount=10))
    async with pool.acquire() as conn:
        await add_person(conn, org_id, "ada", "admin")
        await reserve(conn, org_id, 8)
        await tell(conn, QuotaAudience(targets=(Target(channel="webhook", address="http://crm"),)))
        assert [row["channel"] for row in await conn.fetch(OUTBOX)] == ["inbox", "webhook"]


async def test_what_was_taken_by_somebody_who_died_is_told_by_the_next(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=10))
    async with pool.acquire() as conn:
        await add_person(conn, org_id, "ada", "admin")
        await reserve(conn, org_id, 8)
        dying = conn.transaction()
        await dying.start()
        assert await tell_notices(conn, QuotaAudience(), now=NOW) == 1
        async with pool.acquire() as other:
            assert await tell(other) == 0
        await dying.rollback()
        assert await tell(conn) == 1


async def test_that_a_quota_will_run_out_is_told_once_in_its_period(pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=1000))
    async with pool.acquire() as conn:
        await add_person(conn, org_id, "ada", "admin")
        period = await conn.fetchval("SELECT quota_period_of('solve_ms')")
        began = datetime(period.year, period.month, 1, tzinfo=UTC)
        await set_used(conn, org_id, 400)
        assert await forecast(conn, began + timedelta(days=2)) == 0  # so early it says little
        assert await forecast(conn, began + timedelta(days=20)) == 0  # it lasts
        assert await forecast(conn, began + timedelta(days=5)) == 1
        await set_used(conn, org_id, 800)
        assert await forecast(conn, began + timedelta(days=6)) == 0
        (title,) = [row["title"] for row in await conn.fetch(OUTBOX)]
    assert title.startswith("a customer: solving time will be used up on ")


async def test_the_watch_tells_what_is_noticed(dsn: str, pool: Pool, customer: Customer) -> None:
    org_id = await customer(solve_ms=Allowance(amount=10))
    channel = Recorder()
    audience = QuotaAudience(targets=(Target(channel="webhook", address="http://crm"),))
    async with watching(dsn, channel, quota_audience=audience), pool.acquire() as conn:
        await reserve(conn, org_id, 10)
        await channel.wait_for(lambda sent: len(sent) == 3)
    assert {each.dedup_key.rpartition("/")[2] for each in channel.sent} == {"80", "90", "100"}

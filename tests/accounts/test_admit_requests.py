"""A request passes the layers in turn; a flood costs the database nothing, and its absence lets nobody flood."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.accounts.plans import Customer

from quantum_scheduler.accounts.limits.admit import Gate, Visit
from quantum_scheduler.accounts.limits.model import (
    AbnormalUsageDetected,
    LimitSettings,
    Rate,
    RateLimited,
    TemporaryReducedCapacity,
)
from quantum_scheduler.accounts.limits.remember import REFUSALS_MAX
from quantum_scheduler.accounts.limits.shed import Shedder, share_shed
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.postgres.connect import Pool, open_pool
from quantum_scheduler.postgres.embed import EmbeddedPostgres, start_postgres

NETWORK = "192.0.2.0/24"


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def principal(org_id: UUID, key_id: UUID | None = None) -> Principal:
    return Principal(org_id=org_id, key_id=key_id or uuid4(), plan="own")


async def count_passed(gate: Gate, times: int, who: Principal | None = None) -> int:
    """How many of so many requests are let through."""
    passed = 0
    for _ in range(times):
        visit = gate.visit(NETWORK)
        try:
            await (visit.knock() if who is None else visit.admit(who))
        except RateLimited:
            continue
        finally:
            visit.leave()
        passed += 1
    return passed


async def test_a_network_is_let_through_as_often_as_its_rate_says(pool: Pool) -> None:
    gate = Gate(pool, LimitSettings(network=Rate(requests=4, window_s=3600)))
    assert await count_passed(gate, 10) == 4


async def test_a_refusal_is_remembered_for_a_moment_and_not_longer(pool: Pool) -> None:
    clock = Clock()
    gate = Gate(pool, LimitSettings(network=Rate(requests=1, window_s=3600)), clock=clock)
    assert await count_passed(gate, 2) == 1
    clock.now += 0.6
    with pytest.raises(RateLimited) as refused:
        await gate.visit(NETWORK).knock()
    assert 3500 < refused.value.retry_after_s < 3600
    async with pool.acquire() as conn:
        await conn.execute("TRUNCATE rate_bucket")
    assert await count_passed(gate, 1) == 0
    clock.now += 0.6
    assert await count_passed(gate, 1) == 1


async def test_a_key_that_never_stops_is_barred_and_its_organisation_is_not(pool: Pool, customer: Customer) -> None:
    org_id = await customer(key=Rate(requests=1, window_s=3600))
    clock, who = Clock(), principal(org_id)
    gate = Gate(pool, LimitSettings(), clock=clock)
    assert await count_passed(gate, REFUSALS_MAX + 2, who) == 1
    with pytest.raises(AbnormalUsageDetected) as barred:
        await gate.visit(NETWORK).admit(who)
    assert barred.value.retry_after_s == 60
    assert await count_passed(gate, 1, principal(org_id)) == 1
    clock.now += 61
    with pytest.raises(RateLimited):
        await gate.visit(NETWORK).admit(who)


async def test_only_so_many_requests_of_an_organisation_are_answered_at_once(pool: Pool, customer: Customer) -> None:
    org_id = await customer(at_once=2)
    gate = Gate(pool, LimitSettings())
    visits = [gate.visit(NETWORK) for _ in range(3)]
    for visit in visits[:2]:
        await visit.admit(principal(org_id))
    with pytest.raises(RateLimited) as refused:
        await visits[2].admit(principal(org_id))
    assert refused.value.standings[-1].layer == "at-once"
    for visit in (visits[2], visits[0]):
        visit.leave()
    await gate.visit(NETWORK).admit(principal(org_id))


async def test_in_shadow_nobody_is_refused_and_everybody_is_counted(pool: Pool, customer: Customer) -> None:
    org_id = await customer(key=Rate(requests=1, window_s=3600), at_once=1)
    gate, who = Gate(pool, LimitSettings(network=Rate(requests=1, window_s=3600), is_shadow=True)), principal(org_id)
    visits = [gate.visit(NETWORK) for _ in range(3)]
    for visit in visits:
        await visit.knock()
        await visit.admit(who)
    assert [visit.is_shadowed for visit in visits] == [False, True, True]


@pytest.fixture
async def lost(pool: Pool) -> AsyncIterator[tuple[EmbeddedPostgres, Pool]]:
    """A server of this test's own, and a pool on it."""
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    try:
        with start_postgres(folder, settings={"fsync": "off"}) as server:
            own = await open_pool(server.dsn)
            yield server, own
            own.terminate()
    finally:
        shutil.rmtree(folder)


async def test_without_the_database_each_process_lets_through_its_part(lost: tuple[EmbeddedPostgres, Pool]) -> None:
    server, pool = lost
    await asyncio.to_thread(server.stop)
    gate = Gate(pool, LimitSettings(network=Rate(requests=40, window_s=3600), replicas=4), clock=Clock())
    assert await count_passed(gate, 30) == 10
    assert await count_passed(gate, 200, principal(uuid4())) == 150


async def test_what_passed_the_network_knows_how_the_layers_stand(pool: Pool, customer: Customer) -> None:
    org_id = await customer(key=Rate(requests=5, window_s=60))
    visit: Visit = Gate(pool, LimitSettings()).visit(NETWORK)
    await visit.knock()
    await visit.admit(principal(org_id))
    assert [each.layer for each in visit.standings] == ["network", "key", "organisation"]
    assert visit.standings[1].remaining == 4


@pytest.mark.parametrize(
    ("priority", "depth", "share"),
    [("low", 100, 0), ("low", 150, 0.5), ("low", 900, 1), ("normal", 200, 0), ("normal", 275, 0.75), ("high", 9999, 0)],
)
def test_what_matters_less_is_shed_first(priority: str, depth: int, share: float) -> None:
    assert share_shed(priority, depth, 100) == share


@pytest.mark.parametrize(("depth", "is_shadow"), [(199, False), (None, False), (10_000, True)])
async def test_a_job_is_not_shed_below_the_depth_nor_in_shadow(depth: int | None, is_shadow: bool) -> None:
    async def read_depth() -> int | None:
        return depth

    await Shedder(read_depth, 100, is_shadow=is_shadow, chance=lambda: 0.0).check("normal")


async def test_a_job_that_is_shed_is_told_that_there_is_too_much_to_do() -> None:
    async def read_depth() -> int | None:
        return 250

    shedder = Shedder(read_depth, 100, chance=lambda: 0.4)
    await shedder.check("critical")
    with pytest.raises(TemporaryReducedCapacity):
        await shedder.check("normal")

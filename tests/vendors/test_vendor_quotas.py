"""What the vendors say of our quotas with them is told with their health, and taken down for whoever watches quotas."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from tests.vendors.gate_cases import environment, sixteen_variables

from quantum_scheduler.accounts.quota.look_up import list_upstream
from quantum_scheduler.accounts.quota.metrics import highest_usage, quota_pulse
from quantum_scheduler.backends.braket import BraketBackend
from quantum_scheduler.backends.ibm import IbmBackend
from quantum_scheduler.backends.model import Limits
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.probe import probe
from quantum_scheduler.testing.braket_server import BraketServer
from quantum_scheduler.testing.ibm_server import IbmServer

PATIENCE_S = 30.0


@pytest.fixture
def ibm() -> Iterator[IbmServer]:
    server = IbmServer()
    server.start()
    with environment(server.environment()):
        yield server
    server.stop()


@pytest.fixture
def braket() -> Iterator[BraketServer]:
    server = BraketServer()
    server.start()
    with environment(server.environment()):
        yield server
    server.stop()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with ProcessPool(1) as processes:
        yield Wire(executor=processes, timeout_s=4 * PATIENCE_S)


def test_ibm_tells_what_the_instance_has_used_also_when_that_is_all(ibm: IbmServer) -> None:
    (unused,) = IbmBackend().health(PATIENCE_S).quotas
    assert (unused.unit, unused.used) == ("QPU seconds", 0)
    assert unused.limit > 0
    ibm.switch.set("quota")
    spent = IbmBackend().health(PATIENCE_S)
    assert (spent.status, spent.error) == ("down", "quota")
    assert [(quota.used, quota.limit) for quota in spent.quotas] == [(unused.limit, unused.limit)]


def test_braket_tells_what_was_spent_on_the_device(braket: BraketServer) -> None:
    (unused,) = BraketBackend().health(PATIENCE_S).quotas
    assert (unused.unit, unused.used) == ("USD", 0)
    assert unused.period_ends_at is not None
    assert unused.period_ends_at > datetime.now(UTC)
    handle = BraketBackend().submit(sixteen_variables(), Limits(), key="costs")
    (used,) = BraketBackend().health(PATIENCE_S).quotas
    assert used.used == pytest.approx(handle["cost_usd"], abs=0.01)


def test_an_account_without_limits_of_spending_has_none_to_tell(braket: BraketServer) -> None:
    with environment({"BRAKET_DEVICE": "arn:aws:braket:::device/quantum-simulator/amazon/sv1"}):
        assert BraketBackend().health(PATIENCE_S).quotas == ()


async def test_what_a_vendor_reports_is_taken_down_with_its_health(
    pool: Pool, wire: Wire, braket: BraketServer
) -> None:
    braket.switch.set("quota")
    async with pool.acquire() as conn:
        health = await probe(conn, wire, "braket", braket.environment())
        (reported,) = await list_upstream(conn)
        assert highest_usage(await quota_pulse(conn), scope="upstream") == 1.0
    assert health.status == "up"
    assert (reported.backend, reported.meter, reported.used) == ("braket", "USD", reported.amount)
    (told,) = health.quotas
    assert reported.resets_at == told.period_ends_at

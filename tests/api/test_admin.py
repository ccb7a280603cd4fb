"""What an operator may do over HTTP."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest
from tests.api.conftest import Service

from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.solving.actions import open_breaker

RESET = "/v1/admin/circuit-breaker/reset"


@pytest.fixture
def operator(service: Service) -> Iterator[httpx2.Client]:
    with service.customer(service.make_operator_key()) as client:
        yield client


async def _open(dsn: str) -> None:
    conn = await connect(dsn)
    try:
        await open_breaker(conn, "simulator", reason="drill")
    finally:
        await conn.close()


def test_breakers_are_reset_without_a_body_all_or_one(service: Service, operator: httpx2.Client) -> None:
    for path in (RESET, f"{RESET}?backend=simulator", RESET):
        asyncio.run(_open(service.dsn))
        closed = operator.post(path)
        assert closed.status_code == 200
        assert ("simulator", "closed") in {(each["backend"], each["state"]) for each in closed.json()["items"]}


def test_breakers_are_not_for_strangers_and_an_unknown_backend_is_not_found(
    operator: httpx2.Client, customer: httpx2.Client, stranger: httpx2.Client
) -> None:
    assert stranger.post(RESET).status_code == 401
    assert customer.post(RESET).status_code == 403
    unknown = operator.post(f"{RESET}?backend=abacus")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/backend-unknown")

"""What an operator may do over HTTP."""

import asyncio

import httpx2
from tests.api.conftest import Service

from quantum_scheduler.postgres.connect import connect
from quantum_scheduler.solving.actions import open_breaker

RESET = "/v1/admin/circuit-breaker/reset"


async def _open(dsn: str) -> None:
    conn = await connect(dsn)
    try:
        await open_breaker(conn, "simulator", reason="drill")
    finally:
        await conn.close()


def test_breakers_are_reset_without_a_body_all_or_one(service: Service, customer: httpx2.Client) -> None:
    for path in (RESET, f"{RESET}?backend=simulator", RESET):
        asyncio.run(_open(service.dsn))
        closed = customer.post(path)
        assert closed.status_code == 200
        assert ("simulator", "closed") in {(each["backend"], each["state"]) for each in closed.json()["items"]}


def test_breakers_are_not_for_strangers_and_an_unknown_backend_is_not_found(
    customer: httpx2.Client, stranger: httpx2.Client
) -> None:
    assert stranger.post(RESET).status_code == 401
    unknown = customer.post(f"{RESET}?backend=abacus")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/backend-unknown")

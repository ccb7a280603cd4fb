"""What tests of accounts share."""

from collections.abc import AsyncIterator

import pytest
from tests.accounts.house import House, open_house
from tests.accounts.plans import Customer, add_customer

from quantum_scheduler.postgres.connect import Pool


@pytest.fixture
async def house(pool: Pool, dsn: str) -> AsyncIterator[House]:
    """The service on a database of its own."""
    async with open_house(pool, dsn) as opened:
        yield opened


@pytest.fixture
def customer(pool: Pool) -> Customer:
    """Make an organisation with a plan of its own: `await customer(key=Rate(...), solve_ms=Allowance(...))`."""
    return add_customer(pool)
